// Rows of this folder at sizes that models have, next to a plain memcpy of 2 MiB in the same run (bytes read plus written).
// TERCEL_ISA chooses the instruction set; one thread.
#include <benchmark/benchmark.h>

#include <cstring>

#include "kernels/families.h"
#include "kernels/kernel.h"
#include "kernels/simd/targets.h"
#include "ops/elementwise_program.h"
#include "ops/op.h"

namespace tercel::kernels::simd {
namespace {

Tensor filled(const Shape& shape) {
  Tensor tensor = Tensor::zeros(DType::kFloat32, shape).value();
  for (int64_t i = 0; i < tensor.elements(); ++i) tensor.mutable_as<float>()[i] = static_cast<float>(i * 37 % 101) / 25.0f - 2.0f;
  return tensor;
}

Tensor ints(std::initializer_list<int64_t> values) {
  return Tensor::of<int64_t>(DType::kInt64, {Dim(static_cast<int64_t>(values.size()))}, std::span(values.begin(), values.size()));
}

struct Step {
  std::string_view op, row;
  std::vector<Tensor> inputs;
  ops::Attributes attributes = {};

  Step& with(std::string_view name, ops::AttributeValue value) {
    attributes.set(name, std::move(value));
    return *this;
  }
};

const KernelRow* find(std::string_view name) {
  for (const KernelRow& row : simd_rows())
    if (row.name == name) return &row;
  return nullptr;
}

std::vector<TensorType> output_types(const Step& step) {
  std::vector<ops::InferContext::Input> inputs;
  for (const Tensor& tensor : step.inputs) inputs.push_back({true, tensor.type(), &tensor, nullptr});
  ops::InferContext context(step.attributes, inputs, 1);
  ops::find_op(step.op)->infer(context).value();
  return {context.outputs()[0].type};
}

void run(benchmark::State& state, const Step& step) {
  const KernelRow* row = find(step.row);
  const auto types = output_types(step);
  std::vector<StepContext::Operand> inputs, outputs = {{true, types[0], nullptr}};
  for (const Tensor& tensor : step.inputs) inputs.push_back({true, tensor.type(), &tensor});
  StepContext unpacked{step.attributes, inputs, outputs, platform::host_isa(), 1, {}};
  Tensor packed =
      Tensor::zeros(DType::kUint8, {Dim(row->packing ? static_cast<int64_t>(row->packing->bytes(unpacked)) : 0)}).value();
  if (row->packing) row->packing->fill(unpacked, {packed.mutable_as<std::byte>(), packed.bytes()});
  const StepContext context{step.attributes, inputs, outputs, platform::host_isa(), 1, {packed.as<std::byte>(), packed.bytes()}};
  if (row->accepts && !row->accepts(context).empty()) return state.SkipWithError(row->accepts(context).c_str());
  const Kernel kernel = row->bind(context).value();
  Tensor out = Tensor::zeros(types[0].dtype, types[0].shape).value();
  Tensor scratch = Tensor::zeros(DType::kUint8, {Dim(static_cast<int64_t>(kernel.scratch_bytes()))}).value();
  std::vector<const void*> in;
  size_t bytes = out.bytes();
  for (const Tensor& tensor : step.inputs) {
    in.push_back(tensor.data());
    bytes += tensor.bytes();
  }
  void* to = out.mutable_data();
  SerialWorkers workers;
  for (auto _ : state) kernel.run({in.data(), &to, scratch.mutable_as<std::byte>(), &workers});
  state.SetBytesProcessed(static_cast<int64_t>(bytes) * static_cast<int64_t>(state.iterations()));
}

void memcpy_2mib(benchmark::State& state) {
  const Tensor from = filled({1 << 19});
  Tensor to = filled({1 << 19});
  for (auto _ : state) {
    std::memcpy(to.mutable_data(), from.data(), from.bytes());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<int64_t>(2 * from.bytes()) * static_cast<int64_t>(state.iterations()));
}

Step fused(const Shape& x, const Shape& other, const ops::ElementwiseProgram& program) {
  Step step{"tercel.FusedElementwise", "fused-elementwise/simd", {filled(x), filled(other)}};
  ops::set_elementwise_program(step.attributes, program);
  return step;
}

Step recurrent(std::string_view op, std::string_view row, int64_t gates, int64_t time, int64_t input, int64_t hidden) {
  Step step{op,
            row,
            {filled({time, 1, input}), filled({1, gates * hidden, input}), filled({1, gates * hidden, hidden}),
             filled({1, 2 * gates * hidden})}};
  return step.with("hidden_size", hidden);
}

std::vector<std::pair<std::string, Step>> steps() {
  using Code = ops::ElementwiseCode;
  constexpr int16_t r0 = ops::kFirstResult;
  const Shape image{1, 56, 56, 64}, tokens{128, 768}, planes{1, 64, 56, 56};
  std::vector<std::pair<std::string, Step>> steps = {
      {"add 56x56x64", {"Add", "add/simd", {filled(image), filled(image)}}},
      {"relu 56x56x64", {"Relu", "relu/simd", {filled(image)}}},
      {"multiply-add relu, bias [64]",
       fused(image, {64}, {{{Code::kMultiply, 0, 1}, {Code::kAdd, r0, 1}, {Code::kRelu, r0 + 1}}, {}})},
      {"multiply-add relu, bias [64,1,1]",
       fused(planes, {64, 1, 1}, {{{Code::kMultiply, 0, 1}, {Code::kAdd, r0, 1}, {Code::kRelu, r0 + 1}}, {}})},
      {"gelu 128x3072", {"Gelu", "gelu/simd", {filled({128, 3072})}}},
      {"exp 128x3072", {"Exp", "exp/simd", {filled({128, 3072})}}},
      {"tanh 128x3072", {"Tanh", "tanh/simd", {filled({128, 3072})}}},
      {"sigmoid 128x3072", {"Sigmoid", "sigmoid/simd", {filled({128, 3072})}}},
      {"softmax 12x128x128", {"Softmax", "softmax/simd", {filled({12, 128, 128})}}},
      {"softmax axis 1 of 128x1000", {"Softmax", "softmax/simd", {filled({128, 1000})}}},
      {"layer norm 128x768", {"LayerNormalization", "layer-normalization/simd", {filled(tokens), filled({768}), filled({768})}}},
      {"skip layer norm 128x768",
       {"tercel.SkipLayerNormalization",
        "skip-layer-normalization/simd",
        {filled(tokens), filled(tokens), filled({768}), filled({768})}}},
      {"reduce mean 3x224x224", {"ReduceMean", "reduce-mean/simd", {filled({1, 3, 224, 224}), ints({1, 2, 3})}}},
      {"global average 7x7x2048",
       Step{"GlobalAveragePool", "global-average-pool/simd", {filled({1, 7, 7, 2048})}}.with("channels_last", int64_t{1})},
      {"global average 2048x7x7", {"GlobalAveragePool", "global-average-pool/simd", {filled({1, 2048, 7, 7})}}},
      {"transpose nchw to nhwc 64",
       Step{"Transpose", "transpose/simd", {filled(planes)}}.with("perm", std::vector<int64_t>{0, 2, 3, 1})},
      {"transpose nhwc to nchw 64",
       Step{"Transpose", "transpose/simd", {filled(image)}}.with("perm", std::vector<int64_t>{0, 3, 1, 2})},
      {"transpose image to nhwc",
       Step{"Transpose", "transpose/simd", {filled({1, 3, 224, 224})}}.with("perm", std::vector<int64_t>{0, 2, 3, 1})},
      {"transpose image to nchw",
       Step{"Transpose", "transpose/simd", {filled({1, 224, 224, 3})}}.with("perm", std::vector<int64_t>{0, 3, 1, 2})},
      {"transpose heads 128x12x64",
       Step{"Transpose", "transpose/simd", {filled({1, 128, 12, 64})}}.with("perm", std::vector<int64_t>{0, 2, 1, 3})},
      {"transpose 512x512", Step{"Transpose", "transpose/simd", {filled({512, 512})}}.with("perm", std::vector<int64_t>{1, 0})},
      {"concat 2 x 56x56x32",
       Step{"Concat", "concat/simd", {filled({1, 56, 56, 32}), filled({1, 56, 56, 32})}}.with("axis", int64_t{3})},
      {"lstm 100 steps 64 -> 128", recurrent("LSTM", "lstm/simd", 4, 100, 64, 128)},
      {"lstm 100 steps 128 -> 256", recurrent("LSTM", "lstm/simd", 4, 100, 128, 256)},
      {"gru 100 steps 64 -> 128", recurrent("GRU", "gru/simd", 3, 100, 64, 128)},
  };
  const auto pool = [&](std::string_view op, std::string_view row) {
    return Step{op, row, {filled({1, 112, 112, 64})}}
        .with("channels_last", int64_t{1})
        .with("kernel_shape", std::vector<int64_t>{3, 3})
        .with("strides", std::vector<int64_t>{2, 2})
        .with("pads", std::vector<int64_t>{1, 1, 1, 1});
  };
  steps.emplace_back("max pool 3x3/2 112x112x64", pool("MaxPool", "max-pool/simd-channels-last"));
  steps.emplace_back("average pool 3x3/2 112x112x64", pool("AveragePool", "average-pool/simd-channels-last"));
  return steps;
}

const int kRegistered = [] {
  benchmark::AddCustomContext("target", target_name(platform::host_isa()));
  benchmark::RegisterBenchmark("memcpy 2 MiB", memcpy_2mib);
  static const auto all = steps();
  for (const auto& [name, step] : all)
    benchmark::RegisterBenchmark(name.c_str(), [&step = step](benchmark::State& state) { run(state, step); });
  return 0;
}();

}  // namespace
}  // namespace tercel::kernels::simd
