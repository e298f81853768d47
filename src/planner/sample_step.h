#pragma once

#include <vector>

#include "kernels/kernel.h"

namespace tercel::planner {

// A step with everything that running it takes: operand buffers with random contents, rotated so that no run reads what
// the run before left in the first-level cache, outputs, and packed weights. For timing and cross-checking tactics.
class SampleStep {
 public:
  // Types and constants of the step; `attributes` must outlive this object.
  struct Operand {
    bool present = false;
    TensorType type;
    const Tensor* constant = nullptr;
  };
  static Result<SampleStep> make(const ops::Attributes& attributes, const std::vector<Operand>& inputs,
                                 const std::vector<Operand>& outputs, const platform::Isa& isa);

  // As a row sees the step; `packed` is what pack() returned for that row.
  kernels::StepContext context(std::span<const std::byte> packed = {}) const;
  // The constant that `row` wants packed, in its format, kept for rows of the same format; empty when it packs none.
  std::span<const std::byte> pack(const kernels::KernelRow& row);

  // Runs a kernel once on the next set of inputs and returns nanoseconds.
  int64_t run(const kernels::Kernel& kernel, kernels::Workers& workers);
  // Runs it on the first set and copies the outputs out.
  Result<std::vector<Tensor>> run_once(const kernels::Kernel& kernel, kernels::Workers& workers);

  double bytes_of_inputs() const;

 private:
  struct Packed {
    std::string_view format;
    Tensor bytes;
  };
  Result<void> fill(const std::vector<Operand>& inputs, const std::vector<Operand>& outputs);
  std::byte* scratch(size_t bytes);

  const ops::Attributes* attributes_ = nullptr;
  platform::Isa isa_;
  std::vector<kernels::StepContext::Operand> inputs_, outputs_;
  std::vector<std::vector<Tensor>> input_sets_;  // [set][input]; constants are shared between sets
  std::vector<std::vector<const void*>> input_pointers_;
  std::vector<Tensor> output_tensors_;
  std::vector<void*> output_pointers_;
  std::vector<Packed> packed_;
  Tensor scratch_;
  size_t next_set_ = 0;
};

}  // namespace tercel::planner
