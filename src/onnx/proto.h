#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

// An ONNX file as parsed: the messages of onnx.proto that matter here. Every string_view points into the file's image.
namespace tercel::onnx {

struct GraphProto;

struct TensorProto {
  std::string_view name;
  int64_t data_type = 0;
  std::vector<int64_t> dims;
  std::string_view raw;  // raw_data
  bool has_raw = false;
  bool is_external = false;
  std::string_view message;  // all of it: typed data and external entries are decoded when the tensor is made
};

// AttributeProto.AttributeType
enum class AttributeType : int64_t {
  kUndefined = 0,
  kFloat,
  kInt,
  kString,
  kTensor,
  kGraph,
  kFloats,
  kInts,
  kStrings,
  kTensors,
  kGraphs,
  kSparseTensor,
  kSparseTensors,
  kTypeProto,
  kTypeProtos,
};

struct AttributeProto {
  std::string_view name, reference;  // reference: the enclosing function's attribute that gives the value
  AttributeType type = AttributeType::kUndefined;
  float f = 0;
  int64_t i = 0;
  std::string_view s;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<std::string_view> strings;
  std::unique_ptr<TensorProto> tensor;
  std::unique_ptr<GraphProto> graph;
};

struct NodeProto {
  std::string_view name, op_type, domain, overload;
  std::vector<std::string_view> inputs, outputs;  // empty: absent
  std::vector<AttributeProto> attributes;
};

// What a value is. Only tensors are computed with; the other kinds are named in refusals.
enum class TypeKind : uint8_t { kNone, kTensor, kSequence, kMap, kSparseTensor, kOptional, kOpaque };

struct ValueInfoProto {
  struct Extent {
    int64_t value = -1;  // negative: not given
    std::string_view symbol;
  };
  std::string_view name;
  TypeKind kind = TypeKind::kNone;
  int64_t element_type = 0;
  bool has_shape = false;
  std::vector<Extent> shape;
};

struct GraphProto {
  std::string_view name;
  std::vector<NodeProto> nodes;
  std::vector<TensorProto> initializers;
  std::vector<ValueInfoProto> inputs, outputs;
  bool has_sparse_initializer = false;
};

struct OpsetId {
  std::string_view domain;
  int64_t version = 0;
};

struct FunctionProto {
  std::string_view name, domain, overload;
  std::vector<std::string_view> inputs, outputs;
  std::vector<std::string_view> attributes;  // without a default
  std::vector<AttributeProto> defaults;
  std::vector<NodeProto> nodes;
  std::vector<OpsetId> opsets;
};

struct ModelProto {
  int64_t ir_version = 0;
  std::string_view producer;
  std::unique_ptr<GraphProto> graph;
  std::vector<OpsetId> opsets;
  std::vector<FunctionProto> functions;
  std::vector<std::pair<std::string_view, std::string_view>> metadata;
  bool has_training = false;
};

}  // namespace tercel::onnx
