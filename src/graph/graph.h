#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ops/op.h"
#include "tensor/tensor.h"

namespace tercel::graph {

using ValueId = uint32_t;
inline constexpr ValueId kNoValue = UINT32_MAX;  // an absent optional input, or an output nobody wants
inline constexpr int kGraphDepthMax = 16;        // subgraphs in subgraphs; documented in docs/limits.md

// One tensor that flows through a graph: a graph input, a constant, or an output of one node.
struct Value {
  std::string name;
  TensorType type;                       // extents may be symbols of the model, or unknown
  bool has_type = false;                 // shape inference has set `type` (rank and dtype are then known)
  std::optional<Tensor> constant;        // contents of initialisers and folded values
  std::optional<std::vector<Dim>> dims;  // contents as extents (ops::InferContext::Input::dims)
};

struct Node {
  const ops::OpDef* op = nullptr;
  std::string name;  // unique in the graph; from the file, or made from the outputs
  ops::Attributes attributes;
  std::vector<ValueId> inputs;   // kNoValue where an optional input is absent
  std::vector<ValueId> outputs;  // kNoValue where an output is not wanted

  bool is(std::string_view op_name) const { return op->name == op_name; }
};

// A function from inputs to outputs: nodes in topological order. Subgraphs of If, Loop and Scan are closed: what they
// capture from outside was made an extra input of the node and of the subgraph, after the formal ones, by the importer.
struct Graph {
  std::string name;
  std::vector<Value> values;  // indexed by ValueId; may hold values nobody uses
  std::vector<Node> nodes;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;

  ValueId add_value(std::string name, std::optional<TensorType> type = std::nullopt);
  ValueId add_constant(std::string name, Tensor tensor);
  Value& value(ValueId id) { return values[id]; }
  const Value& value(ValueId id) const { return values[id]; }
  const Tensor* constant(ValueId id) const { return id != kNoValue && values[id].constant ? &*values[id].constant : nullptr; }
};

// A whole model. graphs[0] is the main one; ops::GraphRef attributes index the others.
struct Model {
  std::string name, producer;
  std::vector<Graph> graphs;
  std::vector<std::string> symbols;  // names of symbolic dimensions: Dim::symbol(i) is symbols[i]
  std::vector<std::pair<std::string, std::string>> metadata;

  Graph& main() { return graphs[0]; }
  const Graph& main() const { return graphs[0]; }
  Dim symbol(std::string_view name);           // interned
  std::string text(const Shape& shape) const;  // "batchx3x224x224"
};

// Who makes and who reads each value of a graph; a snapshot, made anew after the graph changed.
struct Uses {
  static constexpr uint32_t kNone = UINT32_MAX;
  std::vector<uint32_t> producer;              // node index by ValueId, or kNone
  std::vector<std::vector<uint32_t>> readers;  // node indices by ValueId, once per use
  std::vector<bool> is_output;                 // by ValueId
  explicit Uses(const Graph& graph);
  // Read by exactly one node, once, and not a graph output.
  bool single_reader(ValueId id) const { return readers[id].size() == 1 && !is_output[id]; }
};

// Sets type (and dims) of every value from the graph inputs' types and the shape rules, in node order. Extents that
// depend on data stay unknown. Errors name the node. Subgraphs are inferred through their If/Loop/Scan node.
Result<void> infer_shapes(Model& model);
Result<void> infer_shapes(Model& model, Graph& graph);
// The same for one node whose inputs have been inferred: for builders that add nodes in order. The error does
// not name the node: it may not be in the graph yet.
Result<void> infer_node(Model& model, Graph& graph, const Node& node);

// Every invariant of a graph: ids in range, one producer a value, topological order, arity within OpDef, types present,
// unique node names, outputs produced. The error names the node and the rule that broke.
Result<void> verify(const Model& model);

// Drops nodes whose outputs nobody needs and values nobody names (ids change). Inputs stay.
void remove_unused(Model& model);

// One line a node, with types: for --dump-after and for tests.
std::string to_text(const Model& model);

}  // namespace tercel::graph
