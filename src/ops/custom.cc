#include "ops/custom.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>

#include "ops/checks.h"
#include "ops/registry.h"

namespace tercel::ops {

namespace {

struct Registry {
  std::mutex mutex;
  std::map<std::string, const tercel_operator*, std::less<>> by_name;
};

Registry& registry() {
  static Registry registry;
  return registry;
}

std::string name_of(const tercel_operator& op) { return std::string(op.domain) + "." + op.name; }

bool is_name(const char* text, bool dots) {
  if (!text || !*text || std::strlen(text) >= kCustomNameMax) return false;
  return std::all_of(text, text + std::strlen(text), [dots](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
           (dots && c == '.');
  });
}

bool is_reserved(std::string_view domain) {
  return domain == "ai.onnx" || domain.starts_with("ai.onnx.") || domain == "tercel" || domain.starts_with("tercel.");
}

Result<void> check_operator(const tercel_operator* op, OperatorsOf whose) {
  if (!op) return invalid("the library lists an operator that is null");
  if (op->struct_size < sizeof(tercel_operator))
    return invalid("struct_size of an operator is " + std::to_string(op->struct_size) + ", less than " +
                   std::to_string(sizeof(tercel_operator)) + ": set it to the size of tercel_operator");
  if (!is_name(op->domain, true) || !is_name(op->name, false))
    return invalid("an operator has no proper name: domain and name take letters, digits, '_' and '-', the domain '.' too");
  const std::string name = name_of(*op);
  if (name.size() >= kCustomNameMax)
    return too_large("the name '" + name + "' is over " + std::to_string(kCustomNameMax) + " bytes");
  if (whose == OperatorsOf::kUser && is_reserved(op->domain))
    return invalid("'" + name + "': the domain is not the library's to fill: take one of your own");
  if (op->inputs_min < 0 || (op->inputs_max != kVariadic && op->inputs_max < op->inputs_min) || op->outputs_min < 1 ||
      op->outputs_max < op->outputs_min)
    return invalid("'" + name + "': the numbers of inputs and outputs are no ranges (outputs begin at 1)");
  if (!op->infer || !op->run) return invalid("'" + name + "': infer and run are needed");
  return {};
}

Result<void> check_count(size_t count, int low, int high, const char* what) {
  if (count >= static_cast<size_t>(low) && (high == kVariadic || count <= static_cast<size_t>(high))) return {};
  const std::string range = low == high         ? std::to_string(low)
                            : high == kVariadic ? std::to_string(low) + " or more"
                                                : std::to_string(low) + " to " + std::to_string(high);
  return invalid("has " + std::to_string(count) + " " + what + ", the operator has " + range);
}

Result<void> check_attributes(const tercel_operator& op, const Attributes& attributes) {
  if (!op.attributes) return {};
  const std::string words = " " + std::string(op.attributes) + " ";
  for (const auto& entry : attributes.entries())
    if (entry.name != kCustomOperator && entry.name != kCustomVersion && words.find(" " + entry.name + " ") == std::string::npos)
      return invalid("attribute '" + entry.name + "' is not one of this operator's (" + op.attributes + ")");
  return {};
}

template <typename T, typename Take>
tercel_status ask(const tercel_node* node, const char* name, Take take) {
  if (!node || !name || !node->attributes->has(name)) return TERCEL_NOT_FOUND;
  const T* value = node->attributes->get<T>(name);
  if (!value) return TERCEL_INVALID;
  take(*value);
  return TERCEL_OK;
}

tercel_tensor describe(const TensorType& type, const void* data) {
  tercel_tensor tensor = {};
  tensor.struct_size = sizeof tensor;
  tensor.dtype = static_cast<tercel_dtype>(type.dtype);
  tensor.rank = type.shape.rank();
  for (int i = 0; i < tensor.rank; ++i) tensor.dims[i] = type.shape[i].code();
  tensor.data = const_cast<void*>(data);
  tensor.bytes = type.shape.is_static() ? type.bytes() : 0;
  return tensor;
}

const tercel_node_queries kQueries = {
    .struct_size = sizeof kQueries,
    .domain_version = [](const tercel_node* node) { return node ? node->attributes->get_int(kCustomVersion, 0) : int64_t{0}; },
    .attribute_int = [](const tercel_node* node, const char* name,
                        int64_t* value) { return ask<int64_t>(node, name, [=](int64_t known) { *value = known; }); },
    .attribute_float = [](const tercel_node* node, const char* name,
                          float* value) { return ask<float>(node, name, [=](float known) { *value = known; }); },
    .attribute_string =
        [](const tercel_node* node, const char* name, const char** value) {
          return ask<std::string>(node, name, [=](const std::string& known) { *value = known.c_str(); });
        },
    .attribute_ints =
        [](const tercel_node* node, const char* name, const int64_t** values, size_t* count) {
          return ask<std::vector<int64_t>>(node, name, [=](const auto& known) {
            *values = known.data();
            *count = known.size();
          });
        },
    .attribute_floats =
        [](const tercel_node* node, const char* name, const float** values, size_t* count) {
          return ask<std::vector<float>>(node, name, [=](const auto& known) {
            *values = known.data();
            *count = known.size();
          });
        },
    .attribute_tensor =
        [](const tercel_node* node, const char* name, tercel_tensor* value) {
          return ask<Tensor>(node, name, [=](const Tensor& known) {
            const size_t size = std::min(value->struct_size, sizeof(tercel_tensor));
            tercel_tensor described = describe(known.type(), known.data());
            described.struct_size = value->struct_size;
            std::memcpy(value, &described, size);
          });
        },
};

Result<void> infer_custom(InferContext& c) {
  const tercel_operator& op = *TRY(custom_operator_of(c.attributes()));
  TRY(check_attributes(op, c.attributes()));
  TRY(check_count(c.input_count(), op.inputs_min, op.inputs_max, "inputs"));
  TRY(check_count(c.output_count(), op.outputs_min, op.outputs_max, "outputs"));
  TRY(want_inputs(c, static_cast<size_t>(op.inputs_min)));
  CustomNode node(c.attributes(), c.input_count(), c.output_count());
  for (size_t i = 0; i < c.input_count(); ++i)
    if (c.has(i)) TRY(node.set_input(i, {c.dtype(i), c.shape(i)}, c.value(i)));
  for (size_t i = 0; i < c.output_count(); ++i) node.ask_output(i);
  tercel_error said = TERCEL_INIT(tercel_error);
  const tercel_operator_node view = node.view(1);
  TRY(custom_result(op, op.infer(&view, &said), said));
  for (size_t i = 0; i < c.output_count(); ++i) {
    const TensorType type = TRY(node.told(i));
    TRY(set_shape(c, i, type.dtype, type.shape.dims()));
  }
  return {};
}

// Callbacks may keep books of their own: they are run when the model is, not when it is compiled, and never merged.
constexpr OpDef kOps[] = {
    {kCustom, 0, kVariadic, 1, kVariadicOutputs, infer_custom, nullptr, false, false},
};

}  // namespace

std::span<const OpDef> custom_ops() { return kOps; }

Result<void> add_custom_operators(std::span<const tercel_operator* const> operators, OperatorsOf whose) {
  Registry& known = registry();
  const std::lock_guard lock(known.mutex);
  auto by_name = known.by_name;
  for (const tercel_operator* op : operators) {
    TRY(check_operator(op, whose));
    const auto [place, fresh] = by_name.emplace(name_of(*op), op);
    if (!fresh && place->second != op)
      return invalid("'" + place->first + "' is known already, from another library: two operators cannot share a name");
  }
  if (by_name.size() > kCustomOperatorsMax)
    return too_large("more than " + std::to_string(kCustomOperatorsMax) + " custom operators");
  known.by_name = std::move(by_name);
  return {};
}

const tercel_operator* find_custom_operator(std::string_view domain, std::string_view name) {
  Registry& known = registry();
  const std::lock_guard lock(known.mutex);
  if (known.by_name.empty()) return nullptr;
  const auto found = known.by_name.find(std::string(domain) + "." + std::string(name));
  return found == known.by_name.end() ? nullptr : found->second;
}

Result<const tercel_operator*> custom_operator_of(const Attributes& attributes) {
  const std::string_view name = attributes.get_string(kCustomOperator, "");
  Registry& known = registry();
  const std::lock_guard lock(known.mutex);
  const auto found = known.by_name.find(name);
  if (found != known.by_name.end()) return found->second;
  return unsupported("it wants the custom operator '" + std::string(name.substr(0, kCustomNameMax)) +
                     "', which no loaded library brings; load it with --operators FILE (in C: tercel_operators_load, in Python: "
                     "tercel.load_operators)");
}

std::string title(const OpDef& op, const Attributes& attributes) {
  return std::string(op.name == kCustom ? attributes.get_string(kCustomOperator, kCustom) : op.name);
}

Result<void> custom_result(const tercel_operator& op, tercel_status status, const tercel_error& said) {
  if (status == TERCEL_OK) return {};
  const std::string text(said.message, strnlen(said.message, sizeof said.message));
  return Error(custom_error_code(status),
               text.empty() ? name_of(op) + " failed with status " + std::to_string(status) + " and said nothing" : text);
}

ErrorCode custom_error_code(tercel_status status) {
  switch (status) {
    case TERCEL_INVALID: return ErrorCode::kInvalid;
    case TERCEL_NOT_FOUND: return ErrorCode::kNotFound;
    case TERCEL_UNSUPPORTED: return ErrorCode::kUnsupported;
    case TERCEL_LIMIT: return ErrorCode::kLimit;
    case TERCEL_EXHAUSTED: return ErrorCode::kExhausted;
    case TERCEL_IO: return ErrorCode::kIo;
    default: return ErrorCode::kInternal;
  }
}

CustomNode::CustomNode(const Attributes& attributes, size_t inputs, size_t outputs)
    : node_{&attributes}, inputs_(inputs), outputs_(outputs), input_pointers_(inputs), output_pointers_(outputs) {}

Result<void> CustomNode::set_input(size_t i, const TensorType& type, const Tensor* value) {
  const void* data = nullptr;
  if (value) {
    aligned_.push_back(TRY(value->aligned()));
    data = aligned_.back().data();
  }
  inputs_[i] = describe(type, data);
  input_pointers_[i] = &inputs_[i];
  return {};
}

void CustomNode::set_output(size_t i, const TensorType& type) {
  outputs_[i] = describe(type, nullptr);
  output_pointers_[i] = &outputs_[i];
}

void CustomNode::ask_output(size_t i) {
  outputs_[i] = {};
  outputs_[i].struct_size = sizeof(tercel_tensor);
  outputs_[i].dtype = -1;
  outputs_[i].rank = -1;
  output_pointers_[i] = &outputs_[i];
}

tercel_operator_node CustomNode::view(int threads) const {
  return {.struct_size = sizeof(tercel_operator_node),
          .node = &node_,
          .ask = &kQueries,
          .inputs = input_pointers_.data(),
          .input_count = input_pointers_.size(),
          .outputs = output_pointers_.data(),
          .output_count = output_pointers_.size(),
          .threads = threads};
}

Result<TensorType> CustomNode::told(size_t i) const {
  const tercel_tensor& output = outputs_[i];
  const std::string what = "its infer() says of output " + std::to_string(i) + " ";
  if (output.dtype < 0 || output.dtype >= kDTypeCount) return invalid(what + "the dtype " + std::to_string(output.dtype));
  if (output.rank < 0 || output.rank > kRankMax) return invalid(what + "the rank " + std::to_string(output.rank));
  TensorType type{static_cast<DType>(output.dtype), {}};
  for (int axis = 0; axis < output.rank; ++axis) {
    const int64_t extent = output.dims[axis];
    const auto has = [extent](const tercel_tensor* input) {
      return input && std::find(input->dims, input->dims + input->rank, extent) != input->dims + input->rank;
    };
    if (extent >= 0) type.shape.push_back(Dim(extent));
    else if (extent == TERCEL_DIM_UNKNOWN) type.shape.push_back(Dim::unknown());
    else if (std::any_of(input_pointers_.begin(), input_pointers_.end(), has)) type.shape.push_back(Dim::from_code(extent));
    else
      return invalid(what + "the extent " + std::to_string(extent) + " on axis " + std::to_string(axis) + ", which no input has");
  }
  return type;
}

}  // namespace tercel::ops
