#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "kernels/workers.h"
#include "ops/attributes.h"
#include "platform/isa.h"
#include "tensor/tensor.h"

namespace tercel::kernels {

// What a row knows of the step it is asked about: static types of everything, contents of constant inputs.
// Valid only during the call it is passed to.
struct StepContext {
  struct Operand {
    bool present = false;
    TensorType type;             // static shape
    const Tensor* value = nullptr;  // contents, when constant (weights) or known while binding
  };
  const ops::Attributes& attributes;
  std::span<const Operand> inputs;
  std::span<const Operand> outputs;  // an output nobody reads is not present: do not write it
  platform::Isa isa;                 // what the host may use
  int threads = 1;                   // most workers a run will have
  std::span<const std::byte> packed; // the weights in the row's packed format (kTensorAlignment-aligned); empty when it packs none

  bool has(size_t i) const { return i < inputs.size() && inputs[i].present; }
  const TensorType& in(size_t i) const { return inputs[i].type; }
  const TensorType& out(size_t i = 0) const { return outputs[i].type; }
  const Tensor* constant(size_t i) const { return has(i) ? inputs[i].value : nullptr; }
};

class Failure;

// Everything a kernel touches while it runs. Absent inputs and unread outputs are null. Buffers are aligned to
// kTensorAlignment, except caller-owned ones, which are aligned to their element (16 bytes for float32 at least is not
// promised). An output may alias an input only where the row says `in_place`.
struct Buffers {
  const void* const* inputs;
  void* const* outputs;
  std::byte* scratch;  // scratch_bytes of the kernel, aligned to kTensorAlignment, contents undefined
  Workers* workers;
  Failure* failure = nullptr;  // for the few kernels that can fail (kernels/failure.h); null: nobody wants to know

  template <typename T> const T* in(size_t i) const { return static_cast<const T*>(inputs[i]); }
  template <typename T> T* out(size_t i = 0) const { return static_cast<T*>(outputs[i]); }
};

// A kernel bound to one step and one set of shapes: a function with its resolved parameters. Made off the hot path;
// running it allocates nothing, locks nothing, throws nothing and is safe from several threads at once (it is const).
class Kernel {
 public:
  Kernel() = default;
  // `f(const Buffers&) const` is kept by value; parameters live in its captures.
  template <typename F>
  explicit Kernel(F f, size_t scratch_bytes = 0)
      : state_(std::make_shared<F>(std::move(f))),
        run_([](const void* state, const Buffers& buffers) noexcept { (*static_cast<const F*>(state))(buffers); }),
        scratch_bytes_(scratch_bytes) {}

  void run(const Buffers& buffers) const noexcept { run_(state_.get(), buffers); }
  size_t scratch_bytes() const { return scratch_bytes_; }
  explicit operator bool() const { return run_ != nullptr; }

 private:
  std::shared_ptr<const void> state_;
  void (*run_)(const void*, const Buffers&) noexcept = nullptr;
  size_t scratch_bytes_ = 0;
};

// Why a row does not take a step, as a sentence ("wants a constant weight"); empty when it does.
using Refusal = std::string;

// A set of inputs for Packing::inputs.
constexpr uint32_t inputs_at(std::initializer_list<int> indices) {
  uint32_t set = 0;
  for (int i : indices) set |= uint32_t{1} << i;
  return set;
}

// How a row wants constant inputs laid out. Rows that share a format share the packed bytes, across tactics, shapes and
// (through the plan file) processes. The format may depend on the weight's type and on attributes, never on activations.
struct Packing {
  std::string_view format;  // "dense/k-major-n16"; also a promise: same format, same bytes
  uint32_t inputs;          // which inputs are replaced, a bit each; the kernel must not read them then
  size_t (*bytes)(const StepContext&);
  void (*fill)(const StepContext&, std::span<std::byte> packed);  // reads values of `inputs`, which need not be aligned

  bool replaces(size_t input) const { return input < 32 && (inputs >> input & 1) != 0; }
};

// One way to compute one operator: a tactic. Rows of an operator are ordered best guess first, the reference last; the
// planner times those that accept, `tercel explain` prints the refusals of the others.
struct KernelRow {
  std::string_view op;    // OpDef::name
  std::string_view name;  // "conv/direct-avx512"; unique; stored in plans
  platform::Isa needs;    // checked before accepts() is asked
  Refusal (*accepts)(const StepContext&) = nullptr;  // null: takes every step of the operator
  Result<Kernel> (*bind)(const StepContext&) = nullptr;  // of an accepted step
  const Packing* packing = nullptr;
  bool in_place = false;  // output 0 may be the buffer of an input of the same type that has no other reader
};

// All rows of an operator, in order (catalogue.cc). Empty: no kernel at all.
std::span<const KernelRow* const> rows_of(std::string_view op);
const KernelRow* find_row(std::string_view name);
std::span<const KernelRow* const> all_rows();

// Why `row` cannot run this step on this ISA; empty when it can.
Refusal refusal_of(const KernelRow& row, const StepContext& context);
// The first row that accepts: the choice where nothing was tuned. Null when none does.
const KernelRow* first_accepting(std::string_view op, const StepContext& context);

}  // namespace tercel::kernels
