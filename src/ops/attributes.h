#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tensor/tensor.h"

namespace tercel::ops {

// A reference to a subgraph (If, Loop, Scan): an index into the model's or plan's list of graphs.
struct GraphRef {
  uint32_t index = 0;
  bool operator==(const GraphRef&) const = default;
};

using AttributeValue = std::variant<int64_t, float, std::string, std::vector<int64_t>, std::vector<float>,
                                    std::vector<std::string>, Tensor, GraphRef>;

// The attributes of one node, by ONNX name. Small and read rarely (shape rules, binding): a vector, searched in order.
// A getter with a default returns it when the attribute is absent or of another type; importers check types first.
class Attributes {
 public:
  struct Entry {
    std::string name;
    AttributeValue value;
  };

  void set(std::string_view name, AttributeValue value);
  void erase(std::string_view name);
  const AttributeValue* find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }

  template <typename T>
  const T* get(std::string_view name) const {
    const AttributeValue* value = find(name);
    return value ? std::get_if<T>(value) : nullptr;
  }

  int64_t get_int(std::string_view name, int64_t otherwise) const;
  float get_float(std::string_view name, float otherwise) const;
  std::string_view get_string(std::string_view name, std::string_view otherwise) const;  // valid while *this is unchanged
  std::span<const int64_t> get_ints(std::string_view name) const;                       // empty when absent
  std::span<const float> get_floats(std::string_view name) const;

  std::span<const Entry> entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

}  // namespace tercel::ops
