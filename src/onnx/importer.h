#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "onnx/limits.h"
#include "onnx/node_context.h"
#include "onnx/tensor.h"

namespace tercel::onnx {

// A node or value that stands in the way of an import.
struct Obstacle {
  std::string where;  // "node 'n' (Op)", "input 'x'"
  Error error;
};

// Builds a graph::Model from a parsed file. Used once. With `obstacles`, what cannot be imported is noted there and the
// import goes on behind it, so that all obstacles of a file are found in one go; the model is then not to be used.
class Importer {
 public:
  Importer(const ModelProto& proto, TensorSource source, std::vector<Obstacle>* obstacles = nullptr)
      : proto_(proto), source_(std::move(source)), obstacles_(obstacles) {}

  Result<graph::Model> run();

 private:
  using FunctionKey = std::pair<std::string_view, std::string>;  // domain, name and overload

  // importer.cc: the model and its graphs.
  Result<void> collect_opsets();
  Result<void> collect_functions();
  Result<void> import_initializers(Scope& scope, const GraphProto& proto);
  Result<void> import_inputs(Scope& scope, const GraphProto& proto);
  Result<void> import_outputs(Scope& scope, const GraphProto& proto);
  Result<void> import_nodes(Scope& scope, const std::vector<NodeProto>& nodes);
  Result<void> obstacle(const std::string& where, const Error& error);
  Result<TensorType> declared_type(const ValueInfoProto& info, bool name_extents);

  // import_node.cc: one node.
  Result<void> import_node(Scope& scope, const NodeProto& proto);
  Result<void> import_into(Scope& scope, const NodeProto& proto);
  Result<NodeContext> open_node(Scope& scope, const NodeProto& proto);
  Result<void> declare_outputs(Scope& scope, const NodeProto& proto, NodeContext& node);
  Result<void> import_custom(Scope& scope, const NodeProto& proto, NodeContext& node);
  Result<void> import_operator(Scope& scope, const NodeProto& proto, NodeContext& node);
  Result<void> import_constant(const NodeProto& proto, NodeContext& node);
  Result<std::optional<ops::AttributeValue>> attribute_value(const Scope& scope, const AttributeProto& proto);
  Result<ops::Attributes> plain_attributes(const Scope& scope, const NodeProto& proto, std::string_view known);
  int64_t opset_of(const Scope& scope, std::string_view domain) const;
  void poison(Scope& scope, const NodeProto& proto);
  bool is_poisoned(const Scope& scope, std::string_view name) const;

  // import_control.cc: If, Loop and Scan.
  Result<void> import_if(Scope& scope, const NodeProto& proto, NodeContext& node);
  Result<void> import_loop(Scope& scope, const NodeProto& proto, NodeContext& node);
  Result<void> import_scan(Scope& scope, const NodeProto& proto, NodeContext& node);
  Result<GraphBuilder> import_subgraph(Scope& scope, const NodeProto& proto, std::string_view attribute);
  void close_subgraphs(NodeContext& node, std::vector<GraphBuilder*> subgraphs);

  // import_function.cc: model-local functions.
  const FunctionProto* find_function(const NodeProto& proto) const;
  Result<void> import_call(Scope& scope, const NodeProto& proto, const FunctionProto& function, NodeContext& node);

  const ModelProto& proto_;
  TensorSource source_;
  std::vector<Obstacle>* obstacles_;
  graph::Model model_;
  std::map<std::string_view, int64_t> opsets_;
  std::map<FunctionKey, const FunctionProto*> functions_;
  std::unordered_map<uint32_t, std::unordered_set<ValueId>> poisoned_;  // by graph: values that an obstacle hides
  size_t nodes_left_ = kModelNodesMax;
};

}  // namespace tercel::onnx
