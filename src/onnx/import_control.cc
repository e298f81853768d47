#include <algorithm>

#include "graph/text.h"
#include "onnx/importer.h"
#include "onnx/operators.h"
#include "ops/control.h"

namespace tercel::onnx {

// The graph of an attribute, with its formal inputs only; what it captures is in GraphBuilder::captures.
Result<GraphBuilder> Importer::import_subgraph(Scope& scope, const NodeProto& proto, std::string_view attribute) {
  const auto found = std::find_if(proto.attributes.begin(), proto.attributes.end(),
                                  [&](const AttributeProto& a) { return a.name == attribute; });
  if (found == proto.attributes.end() || !found->graph || !found->reference.empty())
    return invalid("the attribute '" + std::string(attribute) + "' must be a graph");
  if (scope.depth + 1 > graph::kGraphDepthMax)
    return too_large("subgraphs nest deeper than " + std::to_string(graph::kGraphDepthMax) + " levels");
  const GraphProto& body = *found->graph;
  GraphBuilder builder;
  builder.index = static_cast<uint32_t>(model_.graphs.size());
  builder.graph.name = std::string(body.name);
  model_.graphs.emplace_back();  // keeps the place, so that graphs follow their parents
  Scope inner{builder, &scope, scope.call, scope.prefix, &body.nodes, {}, {}, scope.depth + 1};
  TRY(import_initializers(inner, body));
  TRY(import_inputs(inner, body));
  TRY(import_nodes(inner, body.nodes));
  TRY(import_outputs(inner, body));
  return builder;
}

// Turns the captures of all subgraphs of a node into inputs of the node and of each of them, in one order.
void Importer::close_subgraphs(NodeContext& node, std::vector<GraphBuilder*> subgraphs) {
  std::vector<ValueId> captured;
  for (const GraphBuilder* builder : subgraphs)
    for (const Capture& capture : builder->captures) captured.push_back(capture.outer);
  std::sort(captured.begin(), captured.end());
  captured.erase(std::unique(captured.begin(), captured.end()), captured.end());
  for (GraphBuilder* builder : subgraphs) {
    std::unordered_map<ValueId, ValueId> inner;
    for (const Capture& capture : builder->captures) inner.emplace(capture.outer, capture.inner);
    for (ValueId outer : captured) {
      const auto found = inner.find(outer);
      builder->graph.inputs.push_back(found != inner.end() ? found->second
                                                           : builder->graph.add_value(node.graph().value(outer).name));
    }
  }
  node.inputs.insert(node.inputs.end(), captured.begin(), captured.end());
  node.attributes.set(ops::kCaptures, static_cast<int64_t>(captured.size()));
  for (GraphBuilder* builder : subgraphs) model_.graphs[builder->index] = std::move(builder->graph);
}

namespace {

// Outputs keep their places: a control node has exactly as many as its subgraph makes.
Result<void> fit_outputs(NodeContext& node, size_t made) {
  if (node.outputs.size() > made)
    return invalid("it has " + std::to_string(node.outputs.size()) + " outputs, its subgraph makes " + std::to_string(made));
  node.outputs.resize(made, kNoValue);
  return {};
}

Result<void> want_count(size_t got, size_t wanted, const char* what) {
  if (got == wanted) return {};
  return invalid("its subgraph has " + std::to_string(got) + " " + what + " where the node needs " + std::to_string(wanted));
}

}  // namespace

Result<void> Importer::import_if(Scope& scope, const NodeProto& proto, NodeContext& node) {
  node.attributes = TRY(plain_attributes(scope, proto, ""));
  if (node.inputs.size() != 1 || !node.has(0)) return invalid("it needs exactly one input, the condition");
  GraphBuilder then_graph = TRY(import_subgraph(scope, proto, ops::kThenBranch));
  GraphBuilder else_graph = TRY(import_subgraph(scope, proto, ops::kElseBranch));
  TRY(declare_outputs(scope, proto, node));
  TRY(want_count(then_graph.graph.inputs.size(), 0, "inputs"));
  TRY(want_count(else_graph.graph.inputs.size(), 0, "inputs"));
  TRY(want_count(else_graph.graph.outputs.size(), then_graph.graph.outputs.size(), "outputs"));
  TRY(fit_outputs(node, then_graph.graph.outputs.size()));
  node.attributes.set(ops::kThenBranch, ops::GraphRef{then_graph.index});
  node.attributes.set(ops::kElseBranch, ops::GraphRef{else_graph.index});
  close_subgraphs(node, {&then_graph, &else_graph});
  return node.finish("If", std::move(node.inputs), std::move(node.attributes));
}

Result<void> Importer::import_loop(Scope& scope, const NodeProto& proto, NodeContext& node) {
  node.attributes = TRY(plain_attributes(scope, proto, ""));
  if (node.inputs.size() < 2) node.inputs.resize(2, kNoValue);
  const size_t carried = node.inputs.size() - 2;
  if (std::count(node.inputs.begin() + 2, node.inputs.end(), kNoValue)) return invalid("a carried value has no start");
  GraphBuilder body = TRY(import_subgraph(scope, proto, ops::kBody));
  TRY(declare_outputs(scope, proto, node));
  TRY(want_count(body.graph.inputs.size(), 2 + carried, "inputs"));
  if (body.graph.outputs.size() < 1 + carried) TRY(want_count(body.graph.outputs.size(), 1 + carried, "outputs"));
  TRY(fit_outputs(node, body.graph.outputs.size() - 1));
  node.attributes.set(ops::kBody, ops::GraphRef{body.index});
  close_subgraphs(node, {&body});
  return node.finish("Loop", std::move(node.inputs), std::move(node.attributes));
}

Result<void> Importer::import_scan(Scope& scope, const NodeProto& proto, NodeContext& node) {
  if (node.opset < 9) return unsupported("Scan of opset 8 works on batches; export the model with opset 9 or newer");
  node.attributes = TRY(plain_attributes(
      scope, proto, "num_scan_inputs scan_input_axes scan_input_directions scan_output_axes scan_output_directions"));
  const int64_t scanned = node.attributes.get_int("num_scan_inputs", 0);
  const auto given = static_cast<int64_t>(node.inputs.size());
  if (scanned < 1 || scanned > given)
    return invalid("num_scan_inputs is " + std::to_string(scanned) + ", it must be 1 to " + std::to_string(given));
  if (std::count(node.inputs.begin(), node.inputs.end(), kNoValue)) return invalid("an input is missing");
  const auto carried = static_cast<size_t>(given - scanned);
  GraphBuilder body = TRY(import_subgraph(scope, proto, ops::kBody));
  TRY(declare_outputs(scope, proto, node));
  TRY(want_count(body.graph.inputs.size(), node.inputs.size(), "inputs"));
  if (body.graph.outputs.size() < carried) TRY(want_count(body.graph.outputs.size(), carried, "outputs"));
  TRY(fit_outputs(node, body.graph.outputs.size()));
  node.attributes.set(ops::kBody, ops::GraphRef{body.index});
  close_subgraphs(node, {&body});
  return node.finish("Scan", std::move(node.inputs), std::move(node.attributes));
}

}  // namespace tercel::onnx
