#include "plan/codec.h"

namespace tercel::plan {

namespace {

// Extents as signed numbers: a size, -1 - symbol, or kUnknownDim.
constexpr int64_t kUnknownDim = INT64_MIN;

void put_dim(ByteWriter& out, Dim dim) {
  out.put<int64_t>(dim.is_known() ? dim.size() : dim.is_symbol() ? -1 - int64_t{dim.symbol_id()} : kUnknownDim);
}

void put_type(ByteWriter& out, const TensorType& type) {
  out.put(static_cast<uint8_t>(type.dtype));
  out.put(static_cast<uint8_t>(type.shape.rank()));
  for (Dim dim : type.shape.dims()) put_dim(out, dim);
}

void put_tensor(ByteWriter& out, const Tensor& tensor, Blob& weights) {
  put_type(out, tensor.type());
  out.put(weights.add({static_cast<const std::byte*>(tensor.data()), tensor.bytes()}));
}

void put_attribute(ByteWriter& out, const ops::AttributeValue& value, Blob& weights) {
  out.put(static_cast<uint8_t>(value.index()));
  std::visit(
      [&]<typename T>(const T& v) {
        if constexpr (std::is_arithmetic_v<T>) out.put(v);
        else if constexpr (std::is_same_v<T, std::string>) out.put_string(v);
        else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          out.put_count(v.size());
          for (const std::string& text : v) out.put_string(text);
        } else if constexpr (std::is_same_v<T, Tensor>) put_tensor(out, v, weights);
        else if constexpr (std::is_same_v<T, ops::GraphRef>) out.put(v.index);
        else out.put_array(std::span<const typename T::value_type>(v));
      },
      value);
}

void put_node(ByteWriter& out, const ProgramNode& node, Blob& weights) {
  out.put_string(node.op->name);
  out.put_string(node.name);
  out.put_array(std::span<const ValueId>(node.inputs));
  out.put_array(std::span<const ValueId>(node.outputs));
  out.put_count(node.attributes.entries().size());
  for (const auto& entry : node.attributes.entries()) {
    out.put_string(entry.name);
    put_attribute(out, entry.value, weights);
  }
}

void put_graph(ByteWriter& out, const ProgramGraph& graph, Blob& weights) {
  out.put_string(graph.name);
  out.put_count(graph.values.size());
  for (const ProgramValue& value : graph.values) {
    out.put_string(value.name);
    out.put(static_cast<uint8_t>(value.is_constant));
    if (value.is_constant) put_tensor(out, value.constant, weights);
    else put_type(out, value.type);
  }
  out.put_count(graph.nodes.size());
  for (const ProgramNode& node : graph.nodes) put_node(out, node, weights);
  out.put_array(std::span<const ValueId>(graph.inputs));
  out.put_array(std::span<const ValueId>(graph.outputs));
}

}  // namespace

std::vector<std::byte> encode_program(const Program& program, Blob& weights) {
  ByteWriter out;
  for (const std::string* text : {&program.model_name, &program.producer, &program.compiler, &program.model_digest})
    out.put_string(*text);
  out.put_count(program.symbols.size());
  for (const std::string& symbol : program.symbols) out.put_string(symbol);
  out.put_count(program.graphs.size());
  for (const ProgramGraph& graph : program.graphs) put_graph(out, graph, weights);
  out.put_count(program.profile.size());
  for (const InputRange& range : program.profile) {
    out.put_string(range.name);
    out.put(static_cast<uint8_t>(range.dtype));
    out.put_array(std::span<const int64_t>(range.low));
    out.put_array(std::span<const int64_t>(range.high));
    out.put_count(range.axis_names.size());
    for (const std::string& name : range.axis_names) out.put_string(name);
  }
  out.put_count(program.passes.size());
  for (const PassRecord& pass : program.passes) {
    out.put_string(pass.name);
    out.put(pass.changes);
    out.put(pass.milliseconds);
  }
  return out.take();
}

}  // namespace tercel::plan
