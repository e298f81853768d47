#include "passes/evaluate.h"

#include "kernels/failure.h"
#include "kernels/kernel.h"

namespace tercel::passes {

namespace {

using kernels::KernelRow;
using kernels::StepContext;

// Types of the outputs, all static.
Result<std::vector<TensorType>> output_types(const ops::OpDef& op, const ops::Attributes& attributes,
                                             std::span<const Tensor> inputs, const std::vector<bool>& present, size_t outputs) {
  std::vector<ops::InferContext::Input> known(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i)
    if (present[i]) known[i] = {true, inputs[i].type(), &inputs[i], nullptr};
  ops::InferContext context(attributes, known, outputs);
  TRY(op.infer(context));
  std::vector<TensorType> types;
  for (const auto& output : context.outputs()) types.push_back(output.type);
  return types;
}

// The last row that accepts: rows are ordered best guess first, the reference last.
const KernelRow* reference_row(const ops::OpDef& op, const StepContext& context) {
  const auto rows = kernels::rows_of(op.name);
  for (size_t i = rows.size(); i-- > 0;)
    if (!rows[i]->packing && kernels::refusal_of(*rows[i], context).empty()) return rows[i];
  return nullptr;
}

Result<void> run(const ops::OpDef& op, const StepContext& context, const std::vector<const void*>& inputs,
                 const std::vector<void*>& outputs) {
  const KernelRow* row = reference_row(op, context);
  if (!row) return unsupported("no kernel computes " + std::string(op.name) + " on these inputs");
  const kernels::Kernel kernel = TRY(row->bind(context));
  Tensor scratch = TRY(Tensor::zeros(DType::kUint8, Shape{static_cast<int64_t>(kernel.scratch_bytes())}));
  kernels::SerialWorkers workers;
  kernels::Failure failure;
  kernel.run({inputs.data(), outputs.data(), scratch.mutable_as<std::byte>(), &workers, &failure});
  return failure.happened() ? failure.error() : Result<void>();
}

}  // namespace

Result<std::vector<Tensor>> evaluate(const ops::OpDef& op, const ops::Attributes& attributes,
                                     std::span<const Tensor* const> inputs, const std::vector<bool>& wanted) {
  if (!op.infer) return unsupported(std::string(op.name) + " has no shape rule");
  std::vector<Tensor> aligned(inputs.size());
  std::vector<bool> present(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    present[i] = inputs[i] != nullptr;
    if (present[i]) aligned[i] = TRY(inputs[i]->aligned());
  }
  const auto types = TRY(output_types(op, attributes, aligned, present, wanted.size()));

  std::vector<StepContext::Operand> operands(inputs.size()), results(wanted.size());
  std::vector<const void*> sources(inputs.size(), nullptr);
  std::vector<void*> targets(wanted.size(), nullptr);
  std::vector<Tensor> outputs(wanted.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!present[i]) continue;
    operands[i] = {true, aligned[i].type(), &aligned[i]};
    sources[i] = aligned[i].data();
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i]) continue;
    if (!types[i].shape.is_static()) return unsupported("the output shape of " + std::string(op.name) + " is not known");
    outputs[i] = TRY(Tensor::zeros(types[i].dtype, types[i].shape));
    results[i] = {true, types[i], nullptr};
    targets[i] = outputs[i].mutable_data();
  }
  TRY(run(op, StepContext{attributes, operands, results, platform::host_isa(), 1, {}}, sources, targets));
  return outputs;
}

Result<Tensor> evaluate(std::string_view op, const ops::Attributes& attributes, std::span<const Tensor* const> inputs) {
  const ops::OpDef* found = ops::find_op(op);
  check(found != nullptr, "evaluation of an operator that does not exist");
  auto outputs = TRY(evaluate(*found, attributes, inputs, {true}));
  return outputs[0];
}

Result<std::vector<Tensor>> evaluate(const graph::Graph& graph, std::span<const Tensor> inputs) {
  if (inputs.size() != graph.inputs.size())
    return invalid("the graph has " + std::to_string(graph.inputs.size()) + " inputs, not " + std::to_string(inputs.size()));
  std::vector<Tensor> values(graph.values.size());
  for (size_t i = 0; i < values.size(); ++i)
    if (graph.values[i].constant) values[i] = *graph.values[i].constant;
  for (size_t i = 0; i < inputs.size(); ++i) values[graph.inputs[i]] = inputs[i];
  for (const graph::Node& node : graph.nodes) {
    std::vector<const Tensor*> operands;
    std::vector<bool> wanted;
    for (graph::ValueId id : node.inputs) operands.push_back(id == graph::kNoValue ? nullptr : &values[id]);
    for (graph::ValueId id : node.outputs) wanted.push_back(id != graph::kNoValue);
    auto outputs = evaluate(*node.op, node.attributes, operands, wanted);
    if (!outputs) return outputs.error().within("node '" + node.name + "' (" + std::string(node.op->name) + ")");
    for (size_t i = 0; i < wanted.size(); ++i)
      if (wanted[i]) values[node.outputs[i]] = std::move((*outputs)[i]);
  }
  std::vector<Tensor> outputs;
  for (graph::ValueId id : graph.outputs) outputs.push_back(values[id]);
  return outputs;
}

}  // namespace tercel::passes
