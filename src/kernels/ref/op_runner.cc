#include "kernels/ref/op_runner.h"

#include <cstring>
#include <memory>

#include "kernels/families.h"

namespace tercel::kernels {

namespace {

// Chunks last to first, workers in turn, each chunk twice: what a kernel must not notice.
class BackwardWorkers final : public Workers {
 public:
  int count() const override { return 3; }
  void run(int chunks, FunctionRef<void(int, int)> task) override {
    for (int chunk = chunks - 1; chunk >= 0; --chunk)
      for (int time = 0; time < 2; ++time) task(chunk, (chunk + time) % 3);
  }
};

std::vector<ops::InferContext::Input> inputs_of(const OpCase& c, bool with_values) {
  std::vector<ops::InferContext::Input> inputs;
  for (const auto& tensor : c.inputs) {
    if (tensor) inputs.push_back({true, tensor->type(), with_values ? &*tensor : nullptr, nullptr});
    else inputs.push_back({});
  }
  return inputs;
}

struct Inferred {
  std::vector<TensorType> types;
  bool needed_values = false;
};

Result<Inferred> infer(const OpCase& c) {
  const ops::OpDef* op = ops::find_op(c.op);
  if (!op) return not_found("no operator " + std::string(c.op));
  for (const bool with_values : {false, true}) {
    const auto inputs = inputs_of(c, with_values);
    ops::InferContext context(c.attributes, inputs, c.wanted.size());
    const auto result = op->infer(context);
    if (!result && result.error().code() == ErrorCode::kNeedsValue && !with_values) continue;
    if (!result) return result.error();
    Inferred inferred{{}, with_values};
    for (const auto& output : context.outputs()) {
      if (!output.type.shape.is_static()) return Error(ErrorCode::kInternal, "the rule left an extent unknown");
      inferred.types.push_back(output.type);
    }
    return inferred;
  }
  return Error(ErrorCode::kInternal, "unreachable");
}

Result<std::vector<Tensor>> run_once(const OpCase& c, const Kernel& kernel, const std::vector<TensorType>& types,
                                     Workers& workers) {
  std::vector<Tensor> outputs(types.size());
  std::vector<void*> output_pointers(types.size());
  for (size_t i = 0; i < types.size(); ++i) {
    if (!c.wanted[i]) continue;
    outputs[i] = TRY(Tensor::zeros(types[i].dtype, types[i].shape));
    std::memset(outputs[i].mutable_data(), 0x5a, outputs[i].bytes());
    output_pointers[i] = outputs[i].mutable_data();
  }
  std::vector<const void*> input_pointers;
  for (const auto& tensor : c.inputs) input_pointers.push_back(tensor ? tensor->data() : nullptr);
  Tensor scratch = TRY(Tensor::zeros(DType::kUint8, {Dim(static_cast<int64_t>(kernel.scratch_bytes()))}));
  std::memset(scratch.mutable_data(), 0x5a, kernel.scratch_bytes());
  kernel.run({input_pointers.data(), output_pointers.data(), scratch.mutable_as<std::byte>(), &workers});
  return outputs;
}

}  // namespace

Result<std::vector<TensorType>> infer_op(const OpCase& c) { return TRY(infer(c)).types; }

const KernelRow* reference_row(std::string_view op) {
  for (const auto family : {ref_elementwise_rows, ref_reduction_rows, ref_matrix_rows, ref_layout_rows, ref_indexing_rows,
                            ref_generator_rows, ref_image_rows, ref_recurrent_rows, ref_quantized_rows, ref_signal_rows,
                            ref_attention_rows, ref_classic_rows, ref_fused_rows})
    for (const KernelRow& row : family())
      if (row.op == op) return &row;
  return nullptr;
}

Result<std::vector<Tensor>> run_op(const OpCase& given, const KernelRow* row) {
  OpCase c = given;
  if (const ops::OpDef* op = ops::find_op(c.op); op && c.wanted.size() < static_cast<size_t>(op->outputs_min))
    c.wanted.resize(static_cast<size_t>(op->outputs_min));  // kernels may count on those
  const Inferred inferred = TRY(infer(c));
  if (!row) row = reference_row(c.op);
  if (!row) return not_found("no kernel for " + std::string(c.op));
  std::vector<StepContext::Operand> inputs, outputs;
  for (const auto& tensor : c.inputs)
    inputs.push_back(tensor ? StepContext::Operand{true, tensor->type(), inferred.needed_values ? &*tensor : nullptr}
                            : StepContext::Operand{});
  for (size_t i = 0; i < inferred.types.size(); ++i) outputs.push_back({c.wanted[i], inferred.types[i], nullptr});
  const StepContext context{c.attributes, inputs, outputs, platform::host_isa(), 3, {}};
  if (row->accepts)
    if (const Refusal refusal = row->accepts(context); !refusal.empty()) return unsupported(refusal);
  const Kernel kernel = TRY(row->bind(context));
  SerialWorkers serial;
  BackwardWorkers backward;
  std::vector<Tensor> first = TRY(run_once(c, kernel, inferred.types, serial));
  const std::vector<Tensor> second = TRY(run_once(c, kernel, inferred.types, backward));
  for (size_t i = 0; i < first.size(); ++i)
    if (c.wanted[i] && std::memcmp(first[i].data(), second[i].data(), first[i].bytes()) != 0)
      return Error(ErrorCode::kInternal, "output " + std::to_string(i) + " depends on the workers");
  return first;
}

}  // namespace tercel::kernels
