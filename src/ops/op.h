#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ops/attributes.h"

namespace tercel::ops {

// What a shape rule may ask and must answer, for one node. The same rule runs in the compile half, where extents may be
// symbols and contents are mostly unknown, and when the engine binds a shape, where every extent is a number.
// Made by graph/ and engine/; lives for one call.
class InferContext {
 public:
  struct Input {
    bool present = false;            // optional inputs may be absent
    TensorType type;                 // extents may be symbolic or unknown
    const Tensor* value = nullptr;   // the contents, where they are known (constants, values computed while binding)
    // A small integer tensor whose elements are known as extents (Shape of something, arithmetic on it); flat, row-major.
    const std::vector<Dim>* dims = nullptr;
  };
  struct Output {
    TensorType type;
    bool has_type = false;                 // the rule has called set_output
    std::optional<std::vector<Dim>> dims;  // as Input::dims; a rule that can, fills it
  };

  InferContext(const Attributes& attributes, std::span<const Input> inputs, size_t output_count)
      : attributes_(attributes), inputs_(inputs), outputs_(output_count) {}

  const Attributes& attributes() const { return attributes_; }
  size_t input_count() const { return inputs_.size(); }
  size_t output_count() const { return outputs_.size(); }
  bool has(size_t i) const { return i < inputs_.size() && inputs_[i].present; }
  DType dtype(size_t i) const { return inputs_[i].type.dtype; }
  const Shape& shape(size_t i) const { return inputs_[i].type.shape; }
  const Tensor* value(size_t i) const { return has(i) ? inputs_[i].value : nullptr; }

  // The elements of a small integer input as extents, from its contents or from what is known of them.
  std::optional<std::vector<Dim>> dims(size_t i) const;
  // The elements of an integer input, or kNeedsValue when they are not known: then the output shape depends on data.
  Result<std::vector<int64_t>> ints(size_t i) const;
  // The contents of any input, or kNeedsValue.
  Result<const Tensor*> need_value(size_t i) const;

  // Outputs past output_count() are ignored: a node may leave its optional outputs off.
  void set_output(size_t i, DType dtype, const Shape& shape) {
    if (i >= outputs_.size()) return;
    outputs_[i].type = {dtype, shape};
    outputs_[i].has_type = true;
  }
  void set_output_dims(size_t i, std::vector<Dim> dims) { if (i < outputs_.size()) outputs_[i].dims = std::move(dims); }
  std::span<const Output> outputs() const { return outputs_; }

 private:
  const Attributes& attributes_;
  std::span<const Input> inputs_;
  std::vector<Output> outputs_;
};

// Sets every output's dtype and shape, or says what is wrong with the inputs. kNeedsValue means: ask again when the
// contents of an input are known (graph/ then leaves the extents unknown; engine/ starts a new region there).
// Contents of the wrong type or rank must give an error, never a crash: rules run on hostile models.
using InferRule = Result<void> (*)(InferContext&);

// Floating-point operations (a multiply-add counts two) of one node, from static types. Null means one per output element.
using FlopsRule = double (*)(const Attributes&, std::span<const TensorType> inputs, std::span<const TensorType> outputs);

// What an operator means: name, arity, shape rule. Operators follow the newest ONNX definition of the same name (opset 26
// form; importers rewrite older forms); those that only Tercel's passes make are named "tercel.Xyz".
struct OpDef {
  std::string_view name;
  int inputs_min, inputs_max;  // inputs_max < 0: variadic
  int outputs_min, outputs_max;
  InferRule infer;
  FlopsRule flops = nullptr;
  // Elementwise: every output has the broadcast shape of the inputs and element i depends on elements i only; such
  // operators fuse, run in place and commute with transposes.
  bool elementwise = false;
  // Same inputs, same outputs. False for RandomNormal and the like: they are never folded.
  bool deterministic = true;
};

// All operators, every family in turn (ops/registry.cc), and one by its name; null when there is none.
std::span<const OpDef* const> all_ops();
const OpDef* find_op(std::string_view name);

}  // namespace tercel::ops
