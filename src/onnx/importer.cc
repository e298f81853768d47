#include "onnx/importer.h"

#include <algorithm>

#include "graph/text.h"

namespace tercel::onnx {

namespace {

constexpr size_t kObstaclesMax = 1000;

std::string quoted(std::string_view name) { return "'" + graph::printable(name) + "'"; }

std::string_view canonical(std::string_view domain) { return domain == "ai.onnx" ? std::string_view() : domain; }

Error refused_kind(TypeKind kind) {
  switch (kind) {
    case TypeKind::kSequence:
      return unsupported("it is a sequence; Tercel computes with tensors: use one tensor, or several values");
    case TypeKind::kMap:
      return unsupported("it is a map; Tercel computes with tensors: use one tensor of keys and one of values");
    case TypeKind::kSparseTensor: return unsupported("it is a sparse tensor; make it dense");
    case TypeKind::kOptional: return unsupported("it is an optional value; give it a plain tensor type");
    case TypeKind::kOpaque: return unsupported("it is of an opaque type; Tercel computes with tensors");
    default: return invalid("it has no type; run onnx.shape_inference.infer_shapes over the model, or export it again");
  }
}

}  // namespace

Result<void> Importer::obstacle(const std::string& where, const Error& error) {
  if (!obstacles_) return error.within(where);
  if (obstacles_->size() < kObstaclesMax) obstacles_->push_back({where, error});
  return {};
}

Result<void> Importer::collect_opsets() {
  for (const OpsetId& opset : proto_.opsets) {
    const auto domain = canonical(opset.domain);
    const auto [known, is_new] = opsets_.emplace(domain, opset.version);  // skl2onnx says the same twice
    if (!is_new && known->second != opset.version)
      return invalid("the opset of domain " + quoted(domain) + " is given twice, as " + std::to_string(known->second) + " and " +
                     std::to_string(opset.version));
  }
  const auto own = opsets_.find("");
  if (own == opsets_.end()) {
    // A model may be nothing but calls of functions and other domains, which bring their own opsets.
    if (proto_.opsets.empty()) return invalid("the model names no opset (opset_import); export it again");
    return {};
  }
  const std::string range = std::to_string(kOpsetMin) + " to " + std::to_string(kOpsetMax);
  if (own->second < kOpsetMin)
    return unsupported("the model has opset " + std::to_string(own->second) + ", Tercel reads " + range +
                       "; convert it with onnx.version_converter.convert_version");
  if (own->second > kOpsetMax)
    return unsupported("the model has opset " + std::to_string(own->second) + ", Tercel reads " + range +
                       "; export it with an opset in that range");
  return {};
}

Result<void> Importer::collect_functions() {
  for (const FunctionProto& function : proto_.functions) {
    FunctionKey key{canonical(function.domain), std::string(function.name) + ":" + std::string(function.overload)};
    if (!functions_.emplace(std::move(key), &function).second)
      return invalid("the function " + quoted(function.name) + " of domain " + quoted(function.domain) + " is defined twice");
  }
  return {};
}

Result<TensorType> Importer::declared_type(const ValueInfoProto& info, bool name_extents) {
  if (info.kind != TypeKind::kTensor) return refused_kind(info.kind);
  TensorType type;
  type.dtype = TRY(element_type(info.element_type));
  if (!info.has_shape)
    return unsupported(
        "it has no shape, so its rank is unknown; give it one (symbolic extents are fine) and export the model again");
  for (size_t i = 0; i < info.shape.size(); ++i) {
    const auto& extent = info.shape[i];
    // Exporters write -1 and "?" for "any"; each such extent is a symbol of its own.
    const bool is_named = !extent.symbol.empty() && extent.symbol != "?";
    if (!is_named && extent.value >= 0) {
      type.shape.push_back(Dim(extent.value));
    } else if (is_named || name_extents) {
      if (model_.symbols.size() >= kSymbolsMax)
        return too_large("the model has more than " + std::to_string(kSymbolsMax) + " symbolic dimensions");
      type.shape.push_back(
          model_.symbol(is_named ? std::string(extent.symbol) : std::string(info.name) + "." + std::to_string(i)));
    } else {
      type.shape.push_back(Dim::unknown());
    }
  }
  if (type.shape.is_static()) TRY(checked_elements(type.shape));
  return type;
}

Result<void> Importer::import_initializers(Scope& scope, const GraphProto& proto) {
  if (proto.has_sparse_initializer)
    TRY(obstacle("graph " + quoted(proto.name), unsupported("it has sparse initializers; make them dense")));
  for (const TensorProto& initializer : proto.initializers) {
    const std::string where = "initializer " + quoted(initializer.name);
    if (initializer.name.empty() || scope.names.contains(initializer.name)) {
      TRY(obstacle(where, invalid(initializer.name.empty() ? "it has no name" : "it is defined twice")));
      continue;
    }
    auto tensor = make_tensor(initializer, source_);
    graph::Graph& graph = scope.builder.graph;
    const std::string name = scope.prefix + std::string(initializer.name);
    if (tensor) {
      scope.names.emplace(initializer.name, graph.add_constant(name, tensor.take()));
    } else {
      TRY(obstacle(where, tensor.error()));
      const ValueId id = graph.add_value(name);
      scope.names.emplace(initializer.name, id);
      poisoned_[scope.builder.index].insert(id);
    }
  }
  return {};
}

// Inputs of the main graph have the types of the file; those of subgraphs get theirs from their node.
Result<void> Importer::import_inputs(Scope& scope, const GraphProto& proto) {
  const bool is_main = scope.builder.index == 0;
  graph::Graph& graph = scope.builder.graph;
  std::unordered_set<std::string_view> seen;
  for (const ValueInfoProto& info : proto.inputs) {
    const std::string where = "input " + quoted(info.name);
    if (info.name.empty() || !seen.insert(info.name).second) {
      TRY(obstacle(where, invalid(info.name.empty() ? "it has no name" : "it is listed twice")));
      continue;
    }
    // An input with an initializer has a default value, which is always used.
    if (scope.names.contains(info.name)) {
      if (is_main) continue;
      TRY(obstacle(where, invalid("it is an input and an initializer of a subgraph")));
      continue;
    }
    std::optional<TensorType> type;
    if (is_main) {
      auto declared = declared_type(info, true);
      if (declared) type = declared.take();
      else TRY(obstacle(where, declared.error()));
    } else if (info.kind != TypeKind::kNone && info.kind != TypeKind::kTensor) {
      TRY(obstacle(where, refused_kind(info.kind)));
    }
    const ValueId id = graph.add_value(scope.prefix + std::string(info.name), type);
    if (is_main && !type) poisoned_[scope.builder.index].insert(id);
    scope.names.emplace(info.name, id);
    graph.inputs.push_back(id);
  }
  return {};
}

Result<void> Importer::import_outputs(Scope& scope, const GraphProto& proto) {
  const bool is_main = scope.builder.index == 0;
  graph::Graph& graph = scope.builder.graph;
  if (is_main && proto.outputs.empty()) return invalid("the graph has no outputs");
  std::unordered_set<std::string_view> seen;
  for (const ValueInfoProto& info : proto.outputs) {
    const std::string where = "output " + quoted(info.name);
    const auto found = scope.find(info.name);
    if (!found) {
      TRY(obstacle(where, found.error()));
      continue;
    }
    if (is_main && !seen.insert(info.name).second) TRY(obstacle(where, invalid("it is listed twice")));
    if (info.kind != TypeKind::kNone && info.kind != TypeKind::kTensor && !is_poisoned(scope, info.name))
      TRY(obstacle(where, refused_kind(info.kind)));
    graph.outputs.push_back(*found);
    graph::Value& value = graph.value(*found);
    if (!is_main || value.has_type) continue;
    // Shape inference may not get as far as an output whose rank depends on data: then the file's word counts.
    if (auto declared = declared_type(info, false)) {
      value.type = declared.take();
      value.has_type = true;
    }
  }
  return {};
}

Result<void> Importer::import_nodes(Scope& scope, const std::vector<NodeProto>& nodes) {
  for (const NodeProto& node : nodes) TRY(import_node(scope, node));
  return {};
}

Result<graph::Model> Importer::run() {
  TRY(collect_opsets());
  TRY(collect_functions());
  const GraphProto& main = *proto_.graph;
  model_.name = std::string(main.name);
  model_.producer = std::string(proto_.producer);
  for (const auto& [key, value] : proto_.metadata) model_.metadata.emplace_back(key, value);
  if (proto_.has_training)
    TRY(obstacle("the model", unsupported("it holds training information (training_info); export it for inference")));
  model_.graphs.emplace_back();
  GraphBuilder builder;
  builder.graph.name = std::string(main.name);
  Scope scope{builder};
  scope.nodes = &main.nodes;
  TRY(import_initializers(scope, main));
  TRY(import_inputs(scope, main));
  TRY(import_nodes(scope, main.nodes));
  TRY(import_outputs(scope, main));
  model_.graphs[0] = std::move(builder.graph);
  if (obstacles_ && !obstacles_->empty()) return std::move(model_);
  TRY(graph::verify(model_));
  if (const auto result = graph::infer_shapes(model_); !result) TRY(obstacle("shape inference", result.error()));
  return std::move(model_);
}

}  // namespace tercel::onnx
