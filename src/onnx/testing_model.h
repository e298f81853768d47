#pragma once

#include <protozero/pbf_writer.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "onnx/import.h"
#include "onnx/proto.h"

// Writes small ONNX models for tests, message by message. Everything returns or appends serialised protobuf, so a test can
// also write what a correct exporter never would.
namespace tercel::onnx::testing {

using Names = std::vector<std::string>;

// One extent: a number, a name, or (empty name, negative) nothing.
struct Extent {
  int64_t value = -1;
  std::string name;
  Extent(int v) : value(v) {}
  Extent(const char* n) : name(n) {}
};

// Serialised AttributeProtos.
std::string attribute(std::string_view name, int64_t value);
std::string attribute(std::string_view name, float value);
std::string attribute(std::string_view name, std::string_view value);
std::string attribute(std::string_view name, const std::vector<int64_t>& values);
std::string attribute(std::string_view name, const std::vector<float>& values);
std::string strings_attribute(std::string_view name, const std::vector<std::string>& values);
std::string tensor_attribute(std::string_view name, const std::string& tensor);
std::string graph_attribute(std::string_view name, const std::string& graph);
std::string reference(std::string_view name, std::string_view of, AttributeType type);

// Serialised TensorProtos: raw bytes, or the repeated field of the type.
std::string raw_tensor(std::string_view name, int64_t type, const std::vector<int64_t>& dims, std::string_view raw);
std::string floats(std::string_view name, const std::vector<int64_t>& dims, const std::vector<float>& values);
std::string ints(std::string_view name, const std::vector<int64_t>& dims, const std::vector<int64_t>& values);
std::string external(std::string_view name, const std::vector<int64_t>& dims, std::string_view location, std::string_view offset,
                     std::string_view length);

// A serialised NodeProto.
std::string node(std::string_view op, const Names& inputs, const Names& outputs, const std::vector<std::string>& attributes = {},
                 std::string_view domain = {}, std::string_view name = {});

// A serialised ValueInfoProto of a tensor. `type` is a TensorProto.DataType.
std::string value_info(std::string_view name, int64_t type, const std::vector<Extent>& shape);
// One without any type.
std::string bare_value_info(std::string_view name);

struct GraphParts {
  std::vector<std::string> nodes, initializers, inputs, outputs;  // serialised
};
std::string graph(const GraphParts& parts, std::string_view name = "graph");

struct FunctionParts {
  std::string name, domain = "local";
  Names inputs, outputs, attributes;
  std::vector<std::string> defaults, nodes;  // serialised
  int64_t opset = 20;
};
std::string function(const FunctionParts& parts);

// A serialised ModelProto.
std::string model(const std::string& graph, int64_t opset = 20, const std::vector<std::string>& functions = {});

// Imports from memory; the bytes are kept by the model.
Result<graph::Model> import_text(std::string bytes, const std::string& folder = "");

inline constexpr int64_t kFloat = 1, kUint8 = 2, kInt64 = 7, kString = 8, kBool = 9;

}  // namespace tercel::onnx::testing
