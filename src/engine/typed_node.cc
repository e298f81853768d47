#include "engine/typed_node.h"

#include <cstdlib>

#include "engine/row_choice.h"
#include "kernels/failure.h"
#include "ops/custom.h"

namespace tercel::engine {

size_t TypedNode::output_bytes() const {
  size_t bytes = 0;
  for (size_t i = 0; i < outputs.size(); ++i)
    if (wanted[i]) bytes += outputs[i].bytes();
  return bytes;
}

bool TypedNode::all_known() const {
  for (const LiveValue* input : inputs)
    if (input && !input->known) return false;
  return true;
}

Operands::Operands(const TypedNode& node)
    : attributes_(node.node->attributes), inputs_(node.inputs.size()), outputs_(node.outputs.size()) {
  for (size_t i = 0; i < inputs_.size(); ++i)
    if (const LiveValue* input = node.inputs[i])
      inputs_[i] = {.present = true, .type = input->type, .value = input->known ? &*input->known : nullptr};
  for (size_t i = 0; i < outputs_.size(); ++i)
    if (node.wanted[i]) outputs_[i] = {.present = true, .type = node.outputs[i], .value = nullptr};
}

Result<bool> infer(TypedNode& node, std::vector<std::optional<std::vector<Dim>>>& dims) {
  std::vector<ops::InferContext::Input> inputs(node.inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i)
    if (const LiveValue* input = node.inputs[i])
      inputs[i] = {.present = true, .type = input->type, .value = input->known ? &*input->known : nullptr};
  ops::InferContext context(node.node->attributes, inputs, node.outputs.size());
  if (const auto inferred = node.node->op->infer(context); !inferred.ok()) {
    if (inferred.error().code() == ErrorCode::kNeedsValue) return false;
    return inferred.error();
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (!node.wanted[i]) continue;
    if (!context.outputs()[i].type.shape.is_static()) return false;
    TRY(checked_elements(context.outputs()[i].type.shape));
  }
  dims.resize(node.outputs.size());
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    node.outputs[i] = context.outputs()[i].type;
    dims[i] = context.outputs()[i].dims;
  }
  return true;
}

namespace {

struct Free {
  void operator()(std::byte* p) const { std::free(p); }
};

}  // namespace

Result<void> run_once(const Environment& environment, const TypedNode& node, kernels::Workers& workers,
                      std::span<void* const> outputs) {
  const Operands operands(node);
  const BoundRow bound = TRY(choose_row(node.node->op->name, operands.context(environment), nullptr, {}));
  const std::unique_ptr<std::byte, Free> scratch(static_cast<std::byte*>(
      std::aligned_alloc(kTensorAlignment, align_up(bound.kernel.scratch_bytes() + 1, kTensorAlignment))));
  if (!scratch)
    return Error(ErrorCode::kExhausted, "no memory for " + std::to_string(bound.kernel.scratch_bytes()) + " bytes of scratch");
  std::vector<const void*> inputs;
  for (const LiveValue* input : node.inputs) inputs.push_back(input ? input->known->data() : nullptr);
  kernels::Failure failure;
  bound.kernel.run({inputs.data(), outputs.data(), scratch.get(), &workers, &failure});
  return failure.happened() ? failure.error() : Result<void>();
}

Result<std::vector<Tensor>> evaluate(const Environment& environment, const TypedNode& node) {
  std::vector<Tensor> tensors(node.outputs.size());
  std::vector<void*> addresses(node.outputs.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (!node.wanted[i]) continue;
    tensors[i] = TRY(Tensor::zeros(node.outputs[i].dtype, node.outputs[i].shape));
    addresses[i] = tensors[i].mutable_data();
  }
  kernels::SerialWorkers serial;
  TRY(run_once(environment, node, serial, addresses));
  return tensors;
}

std::string describe(const plan::ProgramNode& node) { return "node '" + node.name + "' (" + ops::title(*node.op, node.attributes) + ")"; }

}  // namespace tercel::engine
