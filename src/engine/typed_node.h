#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/environment.h"
#include "engine/live_value.h"
#include "kernels/kernel.h"

namespace tercel::engine {

// One node with static types: what rows are asked about. Points at the caller's values.
struct TypedNode {
  const plan::ProgramNode* node = nullptr;
  std::vector<const LiveValue*> inputs;  // null where absent
  std::vector<TensorType> outputs;       // meaningless where not wanted
  std::vector<char> wanted;              // per output: somebody reads it

  size_t output_bytes() const;
  bool all_known() const;  // the contents of every present input
};

// A TypedNode as kernel rows see it; refers to the node and to itself.
class Operands {
 public:
  explicit Operands(const TypedNode& node);
  kernels::StepContext context(const Environment& environment) const {
    return {.attributes = attributes_,
            .inputs = inputs_,
            .outputs = outputs_,
            .isa = environment.isa,
            .threads = environment.threads,
            .packed = {}};
  }

 private:
  const ops::Attributes& attributes_;
  std::vector<kernels::StepContext::Operand> inputs_, outputs_;
};

// Asks the operator's shape rule. False: sizes depend on data the inputs do not know; `outputs` is left alone then.
// Otherwise `outputs` holds static types within the limits and `dims` what the rule knows of small integer outputs.
// Errors are the rule's; the caller names the node.
Result<bool> infer(TypedNode& node, std::vector<std::optional<std::vector<Dim>>>& dims);

// Binds and runs a node once, now, on inputs whose contents are known: with the first row that accepts and needs no
// packing. `outputs` are written where not null.
Result<void> run_once(const Environment& environment, const TypedNode& node, kernels::Workers& workers,
                      std::span<void* const> outputs);

// Outputs over this are computed in each run instead of being kept by the binding: evaluating while binding is for shape
// arithmetic and small tables; weights were folded when the plan was made.
inline constexpr size_t kEvaluatedBytesMax = size_t{1} << 20;

// run_once into new tensors; unwanted ones stay empty.
Result<std::vector<Tensor>> evaluate(const Environment& environment, const TypedNode& node);

// "node 'conv1' (Conv)".
std::string describe(const plan::ProgramNode& node);

}  // namespace tercel::engine
