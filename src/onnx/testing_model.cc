#include "onnx/testing_model.h"

#include <cstring>

namespace tercel::onnx::testing {

namespace {

using Writer = protozero::pbf_writer;

// Starts an AttributeProto of one kind and lets `fill` write its value.
template <typename F>
std::string make_attribute(std::string_view name, AttributeType type, F&& fill) {
  std::string out;
  Writer writer(out);
  writer.add_string(1, name.data(), name.size());
  fill(writer);
  writer.add_enum(20, static_cast<int32_t>(type));
  return out;
}

std::string tensor_head(std::string_view name, int64_t type, const std::vector<int64_t>& dims) {
  std::string out;
  Writer writer(out);
  for (int64_t extent : dims) writer.add_int64(1, extent);
  writer.add_int32(2, static_cast<int32_t>(type));
  writer.add_string(8, name.data(), name.size());
  return out;
}

void add_all(Writer& writer, uint32_t field, const std::vector<std::string>& messages) {
  for (const std::string& message : messages) writer.add_message(field, message);
}

std::string opset(std::string_view domain, int64_t version) {
  std::string out;
  Writer writer(out);
  writer.add_string(1, domain.data(), domain.size());
  writer.add_int64(2, version);
  return out;
}

}  // namespace

std::string attribute(std::string_view name, int64_t value) {
  return make_attribute(name, AttributeType::kInt, [&](Writer& w) { w.add_int64(3, value); });
}

std::string attribute(std::string_view name, float value) {
  return make_attribute(name, AttributeType::kFloat, [&](Writer& w) { w.add_float(2, value); });
}

std::string attribute(std::string_view name, std::string_view value) {
  return make_attribute(name, AttributeType::kString, [&](Writer& w) { w.add_bytes(4, value.data(), value.size()); });
}

std::string attribute(std::string_view name, const std::vector<int64_t>& values) {
  return make_attribute(name, AttributeType::kInts, [&](Writer& w) {
    for (int64_t v : values) w.add_int64(8, v);
  });
}

std::string attribute(std::string_view name, const std::vector<float>& values) {
  return make_attribute(name, AttributeType::kFloats, [&](Writer& w) { w.add_packed_float(7, values.begin(), values.end()); });
}

std::string strings_attribute(std::string_view name, const std::vector<std::string>& values) {
  return make_attribute(name, AttributeType::kStrings, [&](Writer& w) {
    for (const std::string& v : values) w.add_bytes(9, v.data(), v.size());
  });
}

std::string tensor_attribute(std::string_view name, const std::string& tensor) {
  return make_attribute(name, AttributeType::kTensor, [&](Writer& w) { w.add_message(5, tensor); });
}

std::string graph_attribute(std::string_view name, const std::string& graph) {
  return make_attribute(name, AttributeType::kGraph, [&](Writer& w) { w.add_message(6, graph); });
}

std::string reference(std::string_view name, std::string_view of, AttributeType type) {
  return make_attribute(name, type, [&](Writer& w) { w.add_string(21, of.data(), of.size()); });
}

std::string raw_tensor(std::string_view name, int64_t type, const std::vector<int64_t>& dims, std::string_view raw) {
  std::string out = tensor_head(name, type, dims);
  Writer(out).add_bytes(9, raw.data(), raw.size());
  return out;
}

std::string floats(std::string_view name, const std::vector<int64_t>& dims, const std::vector<float>& values) {
  return raw_tensor(name, kFloat, dims, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
}

std::string ints(std::string_view name, const std::vector<int64_t>& dims, const std::vector<int64_t>& values) {
  std::string out = tensor_head(name, kInt64, dims);
  Writer(out).add_packed_int64(7, values.begin(), values.end());
  return out;
}

std::string external(std::string_view name, const std::vector<int64_t>& dims, std::string_view location, std::string_view offset,
                     std::string_view length) {
  std::string out = tensor_head(name, kFloat, dims);
  Writer writer(out);
  const std::pair<std::string_view, std::string_view> entries[] = {
      {"location", location}, {"offset", offset}, {"length", length}};
  for (const auto& [key, value] : entries) {
    std::string entry;
    Writer entry_writer(entry);
    entry_writer.add_string(1, key.data(), key.size());
    entry_writer.add_string(2, value.data(), value.size());
    if (!value.empty() || key == "location") writer.add_message(13, entry);
  }
  writer.add_enum(14, 1);
  return out;
}

std::string node(std::string_view op, const Names& inputs, const Names& outputs, const std::vector<std::string>& attributes,
                 std::string_view domain, std::string_view name) {
  std::string out;
  Writer writer(out);
  for (const std::string& input : inputs) writer.add_string(1, input);
  for (const std::string& output : outputs) writer.add_string(2, output);
  writer.add_string(3, name.data(), name.size());
  writer.add_string(4, op.data(), op.size());
  add_all(writer, 5, attributes);
  writer.add_string(7, domain.data(), domain.size());
  return out;
}

std::string value_info(std::string_view name, int64_t type, const std::vector<Extent>& shape) {
  std::string shape_message;
  for (const Extent& extent : shape) {
    std::string dim;
    Writer writer(dim);
    if (!extent.name.empty()) writer.add_string(2, extent.name);
    else if (extent.value >= 0) writer.add_int64(1, extent.value);
    Writer(shape_message).add_message(1, dim);
  }
  std::string tensor;
  Writer tensor_writer(tensor);
  tensor_writer.add_int32(1, static_cast<int32_t>(type));
  tensor_writer.add_message(2, shape_message);
  std::string type_message;
  Writer(type_message).add_message(1, tensor);
  std::string out = bare_value_info(name);
  Writer(out).add_message(2, type_message);
  return out;
}

std::string bare_value_info(std::string_view name) {
  std::string out;
  Writer(out).add_string(1, name.data(), name.size());
  return out;
}

std::string graph(const GraphParts& parts, std::string_view name) {
  std::string out;
  Writer writer(out);
  add_all(writer, 1, parts.nodes);
  writer.add_string(2, name.data(), name.size());
  add_all(writer, 5, parts.initializers);
  add_all(writer, 11, parts.inputs);
  add_all(writer, 12, parts.outputs);
  return out;
}

std::string function(const FunctionParts& parts) {
  std::string out;
  Writer writer(out);
  writer.add_string(1, parts.name);
  for (const std::string& input : parts.inputs) writer.add_string(4, input);
  for (const std::string& output : parts.outputs) writer.add_string(5, output);
  for (const std::string& name : parts.attributes) writer.add_string(6, name);
  add_all(writer, 7, parts.nodes);
  writer.add_message(9, opset("", parts.opset));
  writer.add_message(9, opset(parts.domain, 1));
  writer.add_string(10, parts.domain);
  add_all(writer, 11, parts.defaults);
  return out;
}

std::string model(const std::string& graph, int64_t opset_version, const std::vector<std::string>& functions) {
  std::string out;
  Writer writer(out);
  writer.add_int64(1, 8);
  writer.add_string(2, "tercel tests");
  writer.add_message(7, graph);
  writer.add_message(8, opset("", opset_version));
  writer.add_message(8, opset("local", 1));
  writer.add_message(8, opset("com.microsoft", 1));
  add_all(writer, 25, functions);
  return out;
}

Result<graph::Model> import_text(std::string bytes, const std::string& folder) {
  const auto owner = std::make_shared<const std::string>(std::move(bytes));
  return import_bytes(std::as_bytes(std::span(*owner)), owner, folder);
}

}  // namespace tercel::onnx::testing
