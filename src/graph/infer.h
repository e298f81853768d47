#pragma once

#include "graph/graph.h"

// How infer_shapes() is put together; private to the folder.
namespace tercel::graph {

// Nodes looked at in one call: loops are inferred again until their carried types are stable, and loops nest.
inline constexpr int64_t kVisitsMax = int64_t{1} << 22;

// Infers a graph and, through its control nodes, its subgraphs.
class Inference {
 public:
  explicit Inference(Model& model) : model_(model) {}

  // The caller has set the types of graph.inputs.
  Result<void> infer(Graph& graph, int depth);
  Result<void> infer_node(Graph& graph, const Node& node, int depth);

 private:
  Result<void> infer_plain(Graph& graph, const Node& node);

  // infer_control.cc: types of subgraph inputs from the node's inputs, types of the node's outputs from the subgraph.
  Result<void> infer_control(Graph& graph, const Node& node, int depth);
  Result<void> infer_if(Graph& graph, const Node& node, int depth);
  Result<void> infer_loop(Graph& graph, const Node& node, int depth);
  Result<void> infer_scan(Graph& graph, const Node& node, int depth);
  Result<Graph*> subgraph(const Node& node, std::string_view attribute, size_t inputs, size_t outputs);
  Result<void> infer_body(Graph& body, size_t first_input, size_t first_output, size_t carried, int depth);

  Model& model_;
  int64_t visits_left_ = kVisitsMax;
};

}  // namespace tercel::graph
