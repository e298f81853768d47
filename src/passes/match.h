#pragma once

#include <optional>
#include <string_view>

#include "passes/editor.h"

// Small questions about a graph that patterns are made of. Shapes may be symbolic: "same" means provably the same.
namespace tercel::passes {

bool same_shape(const Shape& a, const Shape& b);
bool same_type(const graph::Value& a, const graph::Value& b);  // both typed, same dtype, same_shape
// An elementwise node's output has the shape of its input `x` for sure: every other input broadcasts into it.
bool keeps_shape_of(const Editor& e, const Node& node, ValueId x);
bool broadcasts_into(const Shape& small, const Shape& large);
bool is_float32(const Editor& e, ValueId id);  // has a type, and it is float32

// The value of a one-element constant of any rank.
std::optional<double> scalar_of(const Editor& e, ValueId id);
bool is_scalar(const Editor& e, ValueId id, double wanted);  // within float32 rounding of it
// The elements of a constant integer input, or nullopt when it is not constant.
std::optional<std::vector<int64_t>> ints_of(const Editor& e, ValueId id);
// Input `i` of a node, kNoValue when it is absent.
inline ValueId input_of(const Node& node, size_t i) { return i < node.inputs.size() ? node.inputs[i] : kNoValue; }
inline bool has_input(const Node& node, size_t i) { return input_of(node, i) != kNoValue; }
// Outputs other than the first are not wanted.
bool only_first_output(const Node& node);

// A binary node seen from one of its operands: its id and the other operand.
struct Binary {
  NodeId id = kNoNode;
  ValueId x = kNoValue, other = kNoValue;
  explicit operator bool() const { return id != kNoNode; }
};
// `value` as op(x, scalar constant): the factor of a Mul, the divisor of a Div (constant second), ...; commutative
// operators take the constant on either side. `constant` receives the scalar.
Binary scalar_operand(const Editor& e, ValueId value, std::string_view op, double* constant);

// One scale step: value = x * factor for a Mul or Div by a scalar constant whose only reader is what follows.
struct Scaled {
  ValueId x;
  double factor = 1;
};
// Peels every Mul and Div by a scalar constant that has a single reader and keeps shape and float32.
Scaled peel_scale(const Editor& e, ValueId value);

// The axes of a reduction (input 1 or, absent, all), normalised and sorted; nullopt when they are not constant.
std::optional<std::vector<int64_t>> reduced_axes(const Editor& e, const Node& node);
// A ReduceMean (or other `op`) over exactly the last axis that keeps its place as an extent of 1.
bool reduces_last_axis(const Editor& e, const Node& node);

// A float32 tensor made of doubles.
Result<Tensor> float_tensor(const Shape& shape, std::span<const double> values);
std::vector<double> doubles_of(const Tensor& tensor);
Tensor int64_tensor(std::span<const int64_t> values);

ops::Attributes permutation(std::span<const int64_t> perm);
// The perm attribute of a Transpose of known rank (the reversed axes when it is absent), or empty when it is malformed.
std::vector<int64_t> permutation_of(const Editor& e, const Node& transpose);
bool is_identity(std::span<const int64_t> perm);

}  // namespace tercel::passes
