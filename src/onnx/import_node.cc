#include <algorithm>

#include "graph/text.h"
#include "onnx/importer.h"
#include "onnx/operators.h"
#include "ops/control.h"
#include "ops/custom.h"

namespace tercel::onnx {

namespace {

std::string quoted(std::string_view name) { return "'" + graph::printable(name) + "'"; }

bool is_onnx_domain(std::string_view domain) { return domain.empty() || domain == "ai.onnx"; }

std::string describe(const NodeProto& node) {
  std::string text = "node " + quoted(node.name) + " (" +
                     (is_onnx_domain(node.domain) ? "" : graph::printable(node.domain) + ".") + graph::printable(node.op_type) +
                     ")";
  if (node.name.empty() && !node.outputs.empty()) text += " that makes " + quoted(node.outputs[0]);
  return text;
}

std::string name_of(const NodeProto& node) {
  if (!node.name.empty()) return std::string(node.name);
  for (std::string_view output : node.outputs)
    if (!output.empty()) return std::string(output);
  return std::string(node.op_type);
}

AttributeType type_of(const ops::AttributeValue& value) {
  constexpr AttributeType kTypes[] = {AttributeType::kInt,    AttributeType::kFloat,  AttributeType::kString,
                                      AttributeType::kInts,   AttributeType::kFloats, AttributeType::kStrings,
                                      AttributeType::kTensor, AttributeType::kGraph};
  static_assert(std::variant_size_v<ops::AttributeValue> == std::size(kTypes));
  return kTypes[value.index()];
}

// Attributes that name an element type: one that Tercel does not compute with is refused here, by its name.
constexpr std::string_view kTypeAttributes = "dtype output_datatype output_dtype softmax_precision stash_type to";

}  // namespace

int64_t Importer::opset_of(const Scope& scope, std::string_view domain) const {
  if (is_onnx_domain(domain)) domain = {};
  if (scope.call) {
    for (const OpsetId& opset : scope.call->function->opsets)
      if ((is_onnx_domain(opset.domain) ? std::string_view() : opset.domain) == domain) return opset.version;
  }
  const auto found = opsets_.find(domain);
  return found == opsets_.end() ? 0 : found->second;
}

Result<std::optional<ops::AttributeValue>> Importer::attribute_value(const Scope& scope, const AttributeProto& proto) {
  using Value = std::optional<ops::AttributeValue>;
  if (!proto.reference.empty()) {
    if (!scope.call) return invalid("it refers to the attribute " + quoted(proto.reference) + " outside of a function");
    const auto* value = scope.call->attributes.find(proto.reference);
    return value ? Value(*value) : Value();  // not given by the caller: the operator's default holds
  }
  switch (proto.type) {
    case AttributeType::kFloat:
      return Value(proto.f);
    case AttributeType::kInt:
      return Value(proto.i);
    case AttributeType::kString:
      return Value(std::string(proto.s));
    case AttributeType::kFloats:
      return Value(proto.floats);
    case AttributeType::kInts:
      return Value(proto.ints);
    case AttributeType::kStrings:
      return Value(std::vector<std::string>(proto.strings.begin(), proto.strings.end()));
    case AttributeType::kTensor:
      if (!proto.tensor) return invalid("it holds no tensor");
      return Value(TRY(make_tensor(*proto.tensor, source_)));
    case AttributeType::kSparseTensor:
    case AttributeType::kSparseTensors:
      return unsupported("it is sparse; make it dense");
    case AttributeType::kGraph:
      return invalid("it is a graph where the operator takes none");
    case AttributeType::kUndefined:
      return invalid("it has no type; export the model again with a current version of onnx");
    default:
      return unsupported("its type (lists of tensors, lists of graphs, type descriptions) is not used by any operator here");
  }
}

// All attributes but graphs. `known`: those that the operator has; empty text with a null pointer: any (functions).
Result<ops::Attributes> Importer::plain_attributes(const Scope& scope, const NodeProto& proto, std::string_view known) {
  const bool any = known.data() == nullptr;
  ops::Attributes result;
  for (const AttributeProto& attribute : proto.attributes) {
    if (attribute.type == AttributeType::kGraph && has_word("body else_branch then_branch", attribute.name) && !any) continue;
    const std::string where = "attribute " + quoted(attribute.name);
    if (!any && !has_word(known, attribute.name))
      return invalid(where + " is not one of this operator's in opsets " + std::to_string(kOpsetMin) + " to " +
                     std::to_string(kOpsetMax));
    if (result.has(attribute.name)) return invalid(where + " is given twice");
    auto value = attribute_value(scope, attribute);
    if (!value) return value.error().within(where);
    if (!value->has_value()) continue;
    if (!any) TRY(check_attribute_type(attribute.name, type_of(**value)));
    if (const auto* code = std::get_if<int64_t>(&**value);
        code && !any && *code != 0 && has_word(kTypeAttributes, attribute.name)) {
      const auto dtype = element_type(*code);
      if (!dtype) return dtype.error().within(where);
    }
    result.set(attribute.name, std::move(**value));
  }
  return result;
}

Result<void> Importer::import_node(Scope& scope, const NodeProto& proto) {
  const auto result = import_into(scope, proto);
  if (result) return {};
  if (!obstacles_) return result.error().within(describe(proto));
  // Behind an obstacle nothing is known of values, so a fault there is no news; an operator that does not exist is.
  const bool is_news = result.error().code() == ErrorCode::kUnsupported ||
      std::none_of(proto.inputs.begin(), proto.inputs.end(), [&](std::string_view name) { return is_poisoned(scope, name); });
  poison(scope, proto);
  return is_news ? obstacle(describe(proto), result.error()) : Result<void>();
}

void Importer::poison(Scope& scope, const NodeProto& proto) {
  for (std::string_view name : proto.outputs) {
    if (name.empty()) continue;
    if (!scope.names.contains(name)) (void)scope.declare(name);
    poisoned_[scope.builder.index].insert(scope.names.at(name));
  }
}

bool Importer::is_poisoned(const Scope& scope, std::string_view name) const {
  for (const Scope* at = &scope; at; at = at->outer) {
    const auto found = at->names.find(name);
    const auto poisoned = poisoned_.find(at->builder.index);
    if (found != at->names.end() && poisoned != poisoned_.end() && poisoned->second.contains(found->second)) return true;
  }
  return false;
}

Result<void> Importer::import_into(Scope& scope, const NodeProto& proto) {
  if (nodes_left_ == 0)
    return too_large("with its functions expanded, the model has more than " + std::to_string(kModelNodesMax) + " nodes");
  --nodes_left_;
  NodeContext node(model_, scope, scope.prefix + name_of(proto));
  for (std::string_view name : proto.inputs) node.inputs.push_back(name.empty() ? kNoValue : TRY(scope.find(name)));
  node.opset = opset_of(scope, proto.domain);
  if (ops::find_custom_operator(proto.domain, proto.op_type)) return import_custom(scope, proto, node);
  if (const FunctionProto* function = find_function(proto)) return import_call(scope, proto, *function, node);
  return import_operator(scope, proto, node);
}

Result<void> Importer::declare_outputs(Scope& scope, const NodeProto& proto, NodeContext& node) {
  for (std::string_view name : proto.outputs) node.outputs.push_back(name.empty() ? kNoValue : TRY(scope.declare(name)));
  return {};
}

Result<void> Importer::import_operator(Scope& scope, const NodeProto& proto, NodeContext& node) {
  const bool is_onnx = is_onnx_domain(proto.domain);
  if (is_onnx && node.opset == 0) return invalid("no opset of ai.onnx is given for it; export the model again");
  if (is_onnx && (node.opset < kOpsetMin || node.opset > kOpsetMax))
    return unsupported("its function has opset " + std::to_string(node.opset) + ", Tercel reads " + std::to_string(kOpsetMin) +
                       " to " + std::to_string(kOpsetMax));
  if (is_onnx && proto.op_type == "Constant") {
    node.attributes = TRY(plain_attributes(scope, proto,
                                           "sparse_value value value_float value_floats value_int value_ints "
                                           "value_string value_strings"));
    TRY(declare_outputs(scope, proto, node));
    return import_constant(proto, node);
  }
  if (is_onnx && proto.op_type == "If") return import_if(scope, proto, node);
  if (is_onnx && proto.op_type == "Loop") return import_loop(scope, proto, node);
  if (is_onnx && proto.op_type == "Scan") return import_scan(scope, proto, node);
  if (proto.domain == "ai.onnx.ml" && node.opset > kMlVersionMax)
    return unsupported("the model has version " + std::to_string(node.opset) + " of ai.onnx.ml, Tercel reads 1 to " +
                       std::to_string(kMlVersionMax));
  const Operator* known = find_operator(proto.domain, proto.op_type);
  if (!known) return unsupported(refusal_of(proto.domain, proto.op_type));
  if (is_onnx && node.opset < known->since)
    return invalid("the operator exists since opset " + std::to_string(known->since) + ", the model has opset " +
                   std::to_string(node.opset));
  node.op = known->op.empty() ? known->name : known->op;
  node.attributes = TRY(plain_attributes(scope, proto, known->attributes));
  TRY(declare_outputs(scope, proto, node));
  return known->adapter ? known->adapter(node) : node.finish();
}

// An operator that a user brought comes before a function of its name, which other engines may need.
Result<void> Importer::import_custom(Scope& scope, const NodeProto& proto, NodeContext& node) {
  node.op = ops::kCustom;
  node.attributes = TRY(plain_attributes(scope, proto, {}));
  node.attributes.set(ops::kCustomOperator, std::string(proto.domain) + "." + std::string(proto.op_type));
  node.attributes.set(ops::kCustomVersion, node.opset);
  TRY(declare_outputs(scope, proto, node));
  return node.finish();
}

Result<void> Importer::import_constant(const NodeProto& proto, NodeContext& node) {
  if (!proto.inputs.empty() || node.outputs.size() != 1 || node.attributes.entries().size() != 1)
    return invalid("a Constant has no input, one output and one value");
  const auto& [name, value] = node.attributes.entries()[0];
  std::optional<Tensor> tensor;
  if (const auto* stored = std::get_if<Tensor>(&value)) tensor = *stored;
  else if (const auto* one = std::get_if<int64_t>(&value)) tensor = Tensor::of<int64_t>(DType::kInt64, {}, std::span(one, 1));
  else if (const auto* real = std::get_if<float>(&value)) tensor = Tensor::of<float>(DType::kFloat32, {}, std::span(real, 1));
  else if (const auto* ints = std::get_if<std::vector<int64_t>>(&value))
    tensor = Tensor::of<int64_t>(DType::kInt64, {Dim(static_cast<int64_t>(ints->size()))}, *ints);
  else if (const auto* reals = std::get_if<std::vector<float>>(&value))
    tensor = Tensor::of<float>(DType::kFloat32, {Dim(static_cast<int64_t>(reals->size()))}, *reals);
  else return unsupported("it holds strings, which are not computed with; turn text into numbers before the model");
  if (node.outputs[0] == kNoValue) return {};
  graph::Value& output = node.graph().value(node.outputs[0]);
  output.type = tensor->type();
  output.has_type = true;
  output.constant = std::move(tensor);
  return {};
}

}  // namespace tercel::onnx
