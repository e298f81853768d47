#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/op.h"
#include "tercel/operator.h"

// The node as a user's operator sees it (tercel/operator.h).
struct tercel_node {
  const tercel::ops::Attributes* attributes;
};

// Operators that users bring. A node of one is a tercel.Custom whose attribute kCustomOperator names it ("com.example.Biquad"):
// models and plans hold names, the process holds the code.
namespace tercel::ops {

inline constexpr std::string_view kCustom = "tercel.Custom";
inline constexpr std::string_view kCustomOperator = "tercel.operator";  // "domain.name"
inline constexpr std::string_view kCustomVersion = "tercel.version";    // of the domain, as the model imports it
inline constexpr int kCustomOperatorsMax = 4096;                        // in a process; documented in docs/limits.md
inline constexpr int kCustomNameMax = 256;                              // bytes of "domain.name"; documented there too

// Makes operators known for the life of the process; all of them, or none and why. One that is known already (the same
// address) is passed over; another one of its name is refused, and so are a user's in domains of ONNX and of Tercel. Any thread.
enum class OperatorsOf : bool { kUser, kTercel };
Result<void> add_custom_operators(std::span<const tercel_operator* const> operators, OperatorsOf whose = OperatorsOf::kUser);

// Null when there is none. Any thread.
const tercel_operator* find_custom_operator(std::string_view domain, std::string_view name);

// What a tercel.Custom node computes; an error that says how to load it when nobody has.
Result<const tercel_operator*> custom_operator_of(const Attributes& attributes);

// "Conv"; for custom nodes "com.example.Biquad".
std::string title(const OpDef& op, const Attributes& attributes);

ErrorCode custom_error_code(tercel_status status);
// The answer of a callback: nothing, or what it says is wrong. `said` as the callback left it.
Result<void> custom_result(const tercel_operator& op, tercel_status status, const tercel_error& said);

// One node in the form that callbacks take. Keeps what it points to but the attributes and the bytes of values.
class CustomNode {
 public:
  CustomNode(const Attributes& attributes, size_t inputs, size_t outputs);
  CustomNode(const CustomNode&) = delete;

  // `value` may be null: contents are not known then.
  Result<void> set_input(size_t i, const TensorType& type, const Tensor* value);
  void set_output(size_t i, const TensorType& type);
  void ask_output(size_t i);  // for infer(): to be told

  tercel_operator_node view(int threads) const;
  // What infer() said of an asked output; an error when that is no type, or names extents that no input has.
  Result<TensorType> told(size_t i) const;

 private:
  tercel_node node_;
  std::vector<tercel_tensor> inputs_, outputs_;
  std::vector<const tercel_tensor*> input_pointers_;
  std::vector<tercel_tensor*> output_pointers_;
  std::vector<Tensor> aligned_;
};

}  // namespace tercel::ops
