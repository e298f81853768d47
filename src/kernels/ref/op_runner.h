#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "kernels/kernel.h"
#include "ops/op.h"

// For tests: one operator on given tensors, by its shape rule and a kernel row, the way the engine would do it.
namespace tercel::kernels {

struct OpCase {
  std::string_view op;
  ops::Attributes attributes = {};
  std::vector<std::optional<Tensor>> inputs = {};  // nullopt: absent
  std::vector<bool> wanted = {true};               // one per output; an unwanted one is not computed and comes back empty
};

// Types of the outputs; contents of inputs are used only when the rule asks for them.
Result<std::vector<TensorType>> infer_op(const OpCase& c);

// Runs the reference row of the operator (or `row`). Outputs and scratch start as garbage; the kernel runs twice, once with
// its chunks in another order on several workers, and must give the same bits. Errors come from the rule, accepts() or bind().
Result<std::vector<Tensor>> run_op(const OpCase& c, const KernelRow* row = nullptr);

// The reference row of an operator, null when there is none.
const KernelRow* reference_row(std::string_view op);

}  // namespace tercel::kernels
