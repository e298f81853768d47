#include "base/checked.h"
#include "plan/codec.h"
#include "plan/plan.h"

namespace tercel::plan {

Result<std::span<const std::byte>> BlobView::part(uint64_t offset, uint64_t length) const {
  if (length == 0) return std::span<const std::byte>();
  if (offset > bytes.size() || length > bytes.size() - offset)
    return invalid("a tensor of " + std::to_string(length) + " bytes at " + std::to_string(offset) +
                   " lies outside the stored weights");
  if (offset % kTensorAlignment != 0) return invalid("a tensor at byte " + std::to_string(offset) + " is not aligned");
  return bytes.subspan(offset, length);
}

namespace {

Result<DType> get_dtype(ByteReader& in) {
  const uint8_t code = TRY(in.get<uint8_t>());
  if (code >= kDTypeCount) return invalid("element type " + std::to_string(code) + " does not exist");
  return static_cast<DType>(code);
}

Result<Dim> get_dim(ByteReader& in, size_t symbol_count) {
  const int64_t code = TRY(in.get<int64_t>());
  if (code >= 0) return Dim(code);
  if (code == INT64_MIN) return Dim::unknown();
  const int64_t symbol = -1 - code;
  if (symbol >= static_cast<int64_t>(symbol_count)) return invalid("symbol " + std::to_string(symbol) + " does not exist");
  return Dim::symbol(static_cast<int>(symbol));
}

Result<TensorType> get_type(ByteReader& in, size_t symbol_count) {
  TensorType type;
  type.dtype = TRY(get_dtype(in));
  const uint8_t rank = TRY(in.get<uint8_t>());
  if (rank > kRankMax) return too_large("rank " + std::to_string(rank) + " is over the limit of " + std::to_string(kRankMax));
  for (int i = 0; i < rank; ++i) type.shape.push_back(TRY(get_dim(in, symbol_count)));
  return type;
}

Result<Tensor> get_tensor(ByteReader& in, const BlobView& weights) {
  const TensorType type = TRY(get_type(in, 0));
  const uint64_t offset = TRY(in.get<uint64_t>());
  if (!type.shape.is_static()) return invalid("a constant has an unknown extent");
  const int64_t elements = TRY(checked_elements(type.shape));
  const auto bytes = TRY(weights.part(offset, static_cast<uint64_t>(elements) * dtype_size(type.dtype)));
  // An empty tensor still wants an address: that of the blob will do.
  return Tensor::view(type.dtype, type.shape, bytes.empty() ? weights.bytes.data() : bytes.data(), weights.owner);
}

Result<std::vector<std::string>> get_strings(ByteReader& in) {
  std::vector<std::string> strings(TRY(in.get_count(4)));
  for (std::string& text : strings) text = TRY(in.get_string());
  return strings;
}

Result<ops::AttributeValue> get_attribute(ByteReader& in, const BlobView& weights) {
  const uint8_t tag = TRY(in.get<uint8_t>());
  switch (tag) {
    case 0: return ops::AttributeValue(TRY(in.get<int64_t>()));
    case 1: return ops::AttributeValue(TRY(in.get<float>()));
    case 2: return ops::AttributeValue(TRY(in.get_string()));
    case 3: return ops::AttributeValue(TRY(in.get_array<int64_t>()));
    case 4: return ops::AttributeValue(TRY(in.get_array<float>()));
    case 5: return ops::AttributeValue(TRY(get_strings(in)));
    case 6: return ops::AttributeValue(TRY(get_tensor(in, weights)));
    case 7: return ops::AttributeValue(ops::GraphRef{TRY(in.get<uint32_t>())});
    default: return invalid("attribute kind " + std::to_string(tag) + " does not exist");
  }
}
static_assert(std::variant_size_v<ops::AttributeValue> == 8, "give the new attribute kind a tag here and in encode_program.cc");

Result<ProgramNode> get_node(ByteReader& in, const BlobView& weights) {
  ProgramNode node;
  const std::string op = TRY(in.get_string());
  node.name = TRY(in.get_string());
  node.op = ops::find_op(op);
  if (!node.op)
    return unsupported("node '" + node.name + "' needs the operator '" + op +
                       "', which this build does not know: use a newer tercel, "
                       "or compile the model again with this one");
  node.inputs = TRY(in.get_array<ValueId>());
  node.outputs = TRY(in.get_array<ValueId>());
  // An attribute takes at least its name's length, its kind and its value.
  const uint32_t attributes = TRY(in.get_count(9, kAttributesMax));
  for (uint32_t i = 0; i < attributes; ++i) {
    const std::string name = TRY(in.get_string());
    node.attributes.set(name, TRY(get_attribute(in, weights)));
  }
  return node;
}

Result<ProgramValue> get_value(ByteReader& in, const BlobView& weights, size_t symbol_count) {
  ProgramValue value;
  value.name = TRY(in.get_string());
  value.is_constant = TRY(in.get<uint8_t>()) != 0;
  if (!value.is_constant) {
    value.type = TRY(get_type(in, symbol_count));
    return value;
  }
  value.constant = TRY(get_tensor(in, weights));
  value.type = value.constant.type();
  return value;
}

Result<ProgramGraph> get_graph(ByteReader& in, const BlobView& weights, size_t symbol_count) {
  ProgramGraph graph;
  graph.name = TRY(in.get_string());
  graph.values.resize(TRY(in.get_count(7, kValuesMax)));
  for (ProgramValue& value : graph.values) value = TRY(get_value(in, weights, symbol_count));
  graph.nodes.resize(TRY(in.get_count(20, kNodesMax)));
  for (ProgramNode& node : graph.nodes) node = TRY(get_node(in, weights));
  graph.inputs = TRY(in.get_array<ValueId>());
  graph.outputs = TRY(in.get_array<ValueId>());
  return graph;
}

Result<InputRange> get_range(ByteReader& in) {
  InputRange range;
  range.name = TRY(in.get_string());
  range.dtype = TRY(get_dtype(in));
  range.low = TRY(in.get_array<int64_t>(kRankMax));
  range.high = TRY(in.get_array<int64_t>(kRankMax));
  range.axis_names = TRY(get_strings(in));
  return range;
}

}  // namespace

Result<Program> decode_program(std::span<const std::byte> bytes, const BlobView& weights) {
  ByteReader in(bytes);
  Program program;
  for (std::string* text : {&program.model_name, &program.producer, &program.compiler, &program.model_digest})
    *text = TRY(in.get_string());
  program.symbols = TRY(get_strings(in));
  program.graphs.resize(TRY(in.get_count(20, kGraphsMax)));
  for (ProgramGraph& graph : program.graphs) graph = TRY(get_graph(in, weights, program.symbols.size()));
  const uint32_t ranges = TRY(in.get_count(17));
  for (uint32_t i = 0; i < ranges; ++i) program.profile.push_back(TRY(get_range(in)));
  const uint32_t passes = TRY(in.get_count(16));
  for (uint32_t i = 0; i < passes; ++i) {
    PassRecord pass;
    pass.name = TRY(in.get_string());
    pass.changes = TRY(in.get<uint32_t>());
    pass.milliseconds = TRY(in.get<double>());
    program.passes.push_back(std::move(pass));
  }
  TRY(in.expect_end());
  return program;
}

}  // namespace tercel::plan
