#include <benchmark/benchmark.h>

#include <chrono>
#include <dnnl.hpp>
#include <map>

#include "kernels/families.h"
#include "kernels/x86/row_runner.h"
#include "ops/activation.h"

// Layers of common networks, one thread, each by every row, and by oneDNN as the comparator. Counters: GF/s, and the share
// of the multiply-add peak of the row's own ISA as a register-only loop reaches it on this core just before.
namespace tercel::kernels::x86 {
namespace {

using Clock = std::chrono::steady_clock;

[[gnu::target("avx512f")]] void fma_loop_avx512(int64_t turns) {
  asm volatile(
      "1:\n"
      ".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n vfmadd231ps %%zmm31,%%zmm30,%%zmm\\r\n .endr\n"
      "dec %0\n jnz 1b\n"
      : "+r"(turns)::"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
        "xmm13", "xmm14", "xmm15", "cc");
}

[[gnu::target("avx2,fma")]] void fma_loop_avx2(int64_t turns) {
  asm volatile(
      "1:\n"
      ".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13\n vfmadd231ps %%ymm14,%%ymm15,%%ymm\\r\n .endr\n"
      "dec %0\n jnz 1b\n"
      : "+r"(turns)::"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
        "xmm13", "xmm14", "xmm15", "cc");
}

// The smallest time of many: other work on the machine only ever adds.
template <typename F>
double best_seconds(F&& f, double budget = 0.15) {
  double best = 1e9, spent = 0;
  while (spent < budget) {
    const auto begin = Clock::now();
    f();
    const double t = std::chrono::duration<double>(Clock::now() - begin).count();
    best = std::min(best, t);
    spent += t;
  }
  return best;
}

double peak_of(const platform::Isa& needs) {
  constexpr int64_t kTurns = 20000;
  if (needs.avx512) return 2.0 * 16 * 16 * kTurns / best_seconds([] { fma_loop_avx512(kTurns); }, 0.02);
  if (needs.avx2) return 2.0 * 8 * 14 * kTurns / best_seconds([] { fma_loop_avx2(kTurns); }, 0.02);
  return 0;
}

void report(benchmark::State& state, double seconds, double flops, double peak) {
  for (auto _ : state) state.SetIterationTime(seconds);
  state.counters["us"] = seconds * 1e6;
  state.counters["GFs"] = flops / seconds / 1e9;
  if (peak > 0) state.counters["peak%"] = 100 * flops / seconds / peak;
}

void run_row(benchmark::State& state, const Step& step, const KernelRow& row, double flops) {
  BoundStep bound(step, row, 1);
  if (!bound.refusal().empty()) return state.SkipWithError(bound.refusal().c_str());
  SerialWorkers workers;
  const double peak = peak_of(row.needs);
  report(state, best_seconds([&] { bound.run(workers); }), flops, peak);
}

struct Layer {
  const char* name;
  int64_t size, channels, outputs, kernel, stride;
  bool depthwise = false;
};

constexpr Layer kLayers[] = {
    {"3x3_64@56", 56, 64, 64, 3, 1},           {"3x3_128@28", 28, 128, 128, 3, 1},       {"3x3_256@14", 14, 256, 256, 3, 1},
    {"3x3_512@7", 7, 512, 512, 3, 1},          {"1x1_64_256@56", 56, 64, 256, 1, 1},     {"1x1_1024_256@14", 14, 1024, 256, 1, 1},
    {"1x1_2048_512@7", 7, 2048, 512, 1, 1},    {"7x7s2_3_64@224", 224, 3, 64, 7, 2},     {"3x3s2_3_32@224", 224, 3, 32, 3, 2},
    {"1x1s2_256_512@56", 56, 256, 512, 1, 2},  {"3x3s2_128_128@56", 56, 128, 128, 3, 2}, {"1x1_32_16@112", 112, 32, 16, 1, 1},
    {"1x1_96_24@56", 56, 96, 24, 1, 1},        {"1x1_384_64@14", 14, 384, 64, 1, 1},     {"dw3_32@112", 112, 32, 32, 3, 1, true},
    {"dw3s2_96@112", 112, 96, 96, 3, 2, true}, {"dw3_384@14", 14, 384, 384, 3, 1, true}, {"dw5_240@14", 14, 240, 240, 5, 1, true},
    {"dw3_960@7", 7, 960, 960, 3, 1, true},
};

Step conv_step(const Layer& l) {
  std::mt19937_64 random(1);
  const int64_t out = (l.size - 1) / l.stride + 1, groups = l.depthwise ? l.channels : 1, pad = l.kernel / 2;
  Step step{"Conv", {}, {}, Shape{1, out, out, l.outputs}};
  step.attributes.set("channels_last", int64_t{1});
  step.attributes.set("group", groups);
  step.attributes.set("strides", std::vector<int64_t>{l.stride, l.stride});
  step.attributes.set("pads", std::vector<int64_t>{pad, pad, pad, pad});
  ops::set_activation(step.attributes, {ops::ActivationKind::kRelu});
  step.inputs = {random_floats({1, l.size, l.size, l.channels}, random),
                 random_floats({l.outputs, l.channels / groups, l.kernel, l.kernel}, random), random_floats({l.outputs}, random)};
  return step;
}

double conv_flops(const Layer& l) {
  const int64_t out = (l.size - 1) / l.stride + 1;
  return 2.0 * static_cast<double>(out * out * l.outputs * l.kernel * l.kernel * (l.depthwise ? 1 : l.channels));
}

void run_onednn_conv(benchmark::State& state, const Layer& l) {
  using dnnl::memory;
  const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  dnnl::stream s(cpu);
  const int64_t out = (l.size - 1) / l.stride + 1, pad = l.kernel / 2;
  const auto any = memory::format_tag::any;
  const auto f32 = memory::data_type::f32;
  const memory::dims weight_dims =
      l.depthwise ? memory::dims{l.channels, 1, 1, l.kernel, l.kernel} : memory::dims{l.outputs, l.channels, l.kernel, l.kernel};
  dnnl::convolution_forward::desc desc(dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
                                       memory::desc({1, l.channels, l.size, l.size}, f32, any),
                                       memory::desc(weight_dims, f32, any), memory::desc({l.outputs}, f32, any),
                                       memory::desc({1, l.outputs, out, out}, f32, any), {l.stride, l.stride}, {pad, pad},
                                       {pad, pad});
  dnnl::post_ops post;
  post.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
  dnnl::primitive_attr attr;
  attr.set_post_ops(post);
  const dnnl::convolution_forward::primitive_desc pd(desc, attr, cpu);
  const std::unordered_map<int, memory> args = {{DNNL_ARG_SRC, memory(pd.src_desc(), cpu)},
                                                {DNNL_ARG_WEIGHTS, memory(pd.weights_desc(), cpu)},
                                                {DNNL_ARG_BIAS, memory(pd.bias_desc(), cpu)},
                                                {DNNL_ARG_DST, memory(pd.dst_desc(), cpu)}};
  dnnl::convolution_forward conv(pd);
  const double peak = peak_of(platform::host_isa());
  report(state, best_seconds([&] {
           conv.execute(s, args);
           s.wait();
         }),
         conv_flops(l), peak);
}

struct Matrix {
  const char* name;
  int64_t m, k, n;
  ops::ActivationKind act = ops::ActivationKind::kNone;
};

constexpr Matrix kMatrices[] = {
    {"128x384x1536", 128, 384, 1536},   {"128x384x1536_gelu", 128, 384, 1536, ops::ActivationKind::kGelu},
    {"128x1536x384", 128, 1536, 384},   {"128x384x384", 128, 384, 384},
    {"128x1024x1024", 128, 1024, 1024}, {"128x256x1024", 128, 256, 1024},
    {"8x1024x1024", 8, 1024, 1024},     {"1x2048x2048", 1, 2048, 2048},
    {"1x256x256", 1, 256, 256},         {"1x100x128", 1, 100, 128},
    {"1x128x10", 1, 128, 10},           {"1x2048x3500", 1, 2048, 3500},
    {"256x64x64", 256, 64, 64},         {"1000x128x10", 1000, 128, 10},
};

Step dense_step(const Matrix& c) {
  std::mt19937_64 random(1);
  Step step{"tercel.Dense", {}, {}, Shape{c.m, c.n}};
  ops::set_activation(step.attributes, {c.act});
  step.inputs = {random_floats({c.m, c.k}, random), random_floats({c.k, c.n}, random), random_floats({c.n}, random)};
  return step;
}

struct Heads {
  const char* name;
  int64_t length, heads, width;
};

constexpr Heads kHeads[] = {
    {"attention_128x12x32", 128, 12, 32}, {"attention_128x4x64", 128, 4, 64}, {"attention_512x8x64", 512, 8, 64}};

Step attention_step(const Heads& h) {
  std::mt19937_64 random(1);
  const Shape shape{1, h.length, h.heads * h.width};
  Step step{"tercel.Attention", {}, {}, shape, false};
  step.attributes.set("num_heads", h.heads);
  step.attributes.set("scale", 0.125f);
  step.inputs = {random_floats(shape, random), random_floats(shape, random), random_floats(shape, random),
                 random_floats({1, 1, 1, h.length}, random)};
  return step;
}

Step matmul_step(const Heads& h, bool scores) {
  std::mt19937_64 random(1);
  Step step{"tercel.MatMul", {}, {}, Shape{h.heads, h.length, scores ? h.length : h.width}, false};
  step.attributes.set("transB", int64_t{scores});
  step.inputs = {random_floats({h.heads, h.length, scores ? h.width : h.length}, random),
                 random_floats({h.heads, h.length, h.width}, random)};
  return step;
}

void register_heads(std::map<std::string, Step>& steps, const std::string& name, const Step& step, double flops) {
  const Step& kept = steps[name] = step;
  for (const KernelRow& row : dense_rows())
    if (row.op == step.op && platform::host_isa().covers(row.needs))
      benchmark::RegisterBenchmark((name + "/" + std::string(row.name)).c_str(),
                                   [&kept, &row, flops](benchmark::State& state) { run_row(state, kept, row, flops); })
          ->UseManualTime()
          ->Iterations(1);
}

int register_all() {
  Floats::skew = 0;  // as the engine's own buffers
  static std::map<std::string, Step> steps;
  for (const Layer& l : kLayers) {
    const Step& step = steps[l.name] = conv_step(l);
    for (const KernelRow& row : conv_rows()) {
      if (!platform::host_isa().covers(row.needs) || (l.depthwise && !row.name.starts_with("conv/depthwise"))) continue;
      if (!l.depthwise && row.name.starts_with("conv/depthwise")) continue;
      benchmark::RegisterBenchmark((std::string(l.name) + "/" + std::string(row.name)).c_str(),
                                   [&](benchmark::State& state) { run_row(state, step, row, conv_flops(l)); })
          ->UseManualTime()
          ->Iterations(1);
    }
    benchmark::RegisterBenchmark((std::string(l.name) + "/onednn").c_str(),
                                 [&](benchmark::State& state) { run_onednn_conv(state, l); })
        ->UseManualTime()
        ->Iterations(1);
  }
  for (const Matrix& c : kMatrices) {
    const Step& step = steps[c.name] = dense_step(c);
    for (const KernelRow& row : dense_rows())
      if (row.op == "tercel.Dense" && platform::host_isa().covers(row.needs))
        benchmark::RegisterBenchmark(
            (std::string(c.name) + "/" + std::string(row.name)).c_str(),
            [&](benchmark::State& state) { run_row(state, step, row, 2.0 * static_cast<double>(c.m * c.k * c.n)); })
            ->UseManualTime()
            ->Iterations(1);
  }
  for (const Heads& h : kHeads) {
    const double flops = 2.0 * static_cast<double>(h.length * h.length * h.width * h.heads);
    register_heads(steps, h.name, attention_step(h), 2 * flops);
    register_heads(steps, std::string(h.name) + "_scores", matmul_step(h, true), flops);
    register_heads(steps, std::string(h.name) + "_values", matmul_step(h, false), flops);
  }
  return 0;
}

const int kRegistered = register_all();

}  // namespace
}  // namespace tercel::kernels::x86
