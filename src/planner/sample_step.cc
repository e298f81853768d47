#include "planner/sample_step.h"

#include <algorithm>
#include <random>

#include "platform/clock.h"

namespace tercel::planner {

namespace {

// Input sets rotate while they stay below this together: enough to leave the first-level cache, little enough to be quick.
constexpr size_t kRotationBytesMax = size_t{32} << 20;
constexpr size_t kSetsMax = 4;

// Integers are mostly indices along the leading axes of the first input: spread over it, so that lookups miss caches as
// they will in production.
void fill_random(Tensor& tensor, int64_t index_limit, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::uniform_int_distribution<int64_t> index(0, std::max<int64_t>(index_limit, 1) - 1);
  const int64_t count = tensor.elements();
  visit_dtype(tensor.dtype(), [&]<typename T>() {
    T* out = tensor.mutable_as<T>();
    for (int64_t i = 0; i < count; ++i) {
      if constexpr (std::is_same_v<T, bool>) out[i] = random() & 1;
      else if constexpr (std::is_integral_v<T>) out[i] = static_cast<T>(index(random));
      else out[i] = static_cast<T>(normal(random));
    }
  });
}

kernels::StepContext::Operand as_operand(const SampleStep::Operand& o) { return {o.present, o.type, o.constant}; }

}  // namespace

Result<SampleStep> SampleStep::make(const ops::Attributes& attributes, const std::vector<Operand>& inputs,
                                    const std::vector<Operand>& outputs, const platform::Isa& isa) {
  SampleStep step;
  step.attributes_ = &attributes;
  step.isa_ = isa;
  for (const Operand& o : inputs) step.inputs_.push_back(as_operand(o));
  for (const Operand& o : outputs) step.outputs_.push_back(as_operand(o));
  TRY(step.fill(inputs, outputs));
  return step;
}

Result<void> SampleStep::fill(const std::vector<Operand>& inputs, const std::vector<Operand>& outputs) {
  size_t bytes = 1;
  for (const Operand& o : inputs)
    if (o.present && !o.constant) bytes += o.type.bytes();
  const size_t sets = std::clamp<size_t>(kRotationBytesMax / bytes, 1, kSetsMax);
  const int64_t index_limit =
      !inputs.empty() && inputs[0].present && inputs[0].type.shape.rank() > 0 ? inputs[0].type.shape.size(0) : 8;
  std::mt19937 random(20);
  for (size_t s = 0; s < sets; ++s) {
    std::vector<Tensor> tensors;
    std::vector<const void*> pointers;
    for (const Operand& o : inputs) {
      Tensor tensor;
      if (o.present && o.constant) tensor = TRY(o.constant->aligned());
      else if (o.present) {
        tensor = TRY(Tensor::zeros(o.type.dtype, o.type.shape));
        fill_random(tensor, index_limit, random);
      }
      pointers.push_back(o.present ? tensor.data() : nullptr);
      tensors.push_back(std::move(tensor));
    }
    input_sets_.push_back(std::move(tensors));
    input_pointers_.push_back(std::move(pointers));
  }
  for (const Operand& o : outputs) {
    Tensor tensor;
    if (o.present) tensor = TRY(Tensor::zeros(o.type.dtype, o.type.shape));
    output_pointers_.push_back(o.present ? tensor.mutable_data() : nullptr);
    output_tensors_.push_back(std::move(tensor));
  }
  return {};
}

kernels::StepContext SampleStep::context(std::span<const std::byte> packed) const {
  return {*attributes_, inputs_, outputs_, isa_, 1, packed};
}

std::span<const std::byte> SampleStep::pack(const kernels::KernelRow& row) {
  if (!row.packing) return {};
  const auto view = [](const Tensor& t) { return std::span(t.as<std::byte>(), t.bytes()); };
  for (const Packed& p : packed_)
    if (p.format == row.packing->format) return view(p.bytes);
  const auto size = static_cast<int64_t>(row.packing->bytes(context()));
  Tensor bytes = Tensor::zeros(DType::kUint8, Shape{size}).value();
  row.packing->fill(context(), std::span(bytes.mutable_as<std::byte>(), bytes.bytes()));
  packed_.push_back({row.packing->format, std::move(bytes)});
  return view(packed_.back().bytes);
}

std::byte* SampleStep::scratch(size_t bytes) {
  if (!scratch_.data() || scratch_.bytes() < bytes)
    scratch_ = Tensor::zeros(DType::kUint8, Shape{static_cast<int64_t>(std::max<size_t>(bytes, 64))}).value();
  return scratch_.mutable_as<std::byte>();
}

int64_t SampleStep::run(const kernels::Kernel& kernel, kernels::Workers& workers) {
  const auto& inputs = input_pointers_[next_set_++ % input_pointers_.size()];
  const kernels::Buffers buffers{inputs.data(), output_pointers_.data(), scratch(kernel.scratch_bytes()), &workers, nullptr};
  const int64_t start = platform::now_ns();
  kernel.run(buffers);
  return platform::now_ns() - start;
}

Result<std::vector<Tensor>> SampleStep::run_once(const kernels::Kernel& kernel, kernels::Workers& workers) {
  next_set_ = 0;
  run(kernel, workers);
  std::vector<Tensor> copies;
  for (const Tensor& output : output_tensors_) {
    Tensor copy;
    if (output.data()) {
      copy = TRY(Tensor::zeros(output.dtype(), output.shape()));
      std::copy_n(output.as<std::byte>(), output.bytes(), copy.mutable_as<std::byte>());
    }
    copies.push_back(std::move(copy));
  }
  return copies;
}

double SampleStep::bytes_of_inputs() const {
  double bytes = 0;
  for (const auto& o : inputs_)
    if (o.present) bytes += static_cast<double>(o.type.bytes());
  return bytes;
}

}  // namespace tercel::planner
