#include "platform/roofline.h"

#include <immintrin.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "base/checked.h"
#include "platform/clock.h"

namespace tercel::platform {

namespace {

// Independent accumulators: enough to hide the latency of two FMA pipes.
constexpr int kAccumulators = 12;
constexpr int kInnerSteps = 4096;
constexpr int kTries = 12;

// The empty asm keeps the accumulators in registers and the loop from being folded.
__attribute__((target("avx512f"), noinline)) float fma_loop_avx512() {
  __m512 sums[kAccumulators], x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(1e-3f);
#pragma GCC unroll 16
  for (auto& s : sums) s = _mm512_set1_ps(1.0f);
  for (int i = 0; i < kInnerSteps; ++i)
#pragma GCC unroll 16
    for (auto& s : sums) {
      s = _mm512_fmadd_ps(s, x, y);
      asm volatile("" : "+v"(s));
    }
  float total = 0;
#pragma GCC unroll 16
  for (auto& s : sums) total += _mm512_cvtss_f32(s);
  return total;
}

__attribute__((target("avx2,fma"), noinline)) float fma_loop_avx2() {
  __m256 sums[kAccumulators], x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(1e-3f);
#pragma GCC unroll 16
  for (auto& s : sums) s = _mm256_set1_ps(1.0f);
  for (int i = 0; i < kInnerSteps; ++i)
#pragma GCC unroll 16
    for (auto& s : sums) {
      s = _mm256_fmadd_ps(s, x, y);
      asm volatile("" : "+x"(s));
    }
  float total = 0;
#pragma GCC unroll 16
  for (auto& s : sums) total += _mm256_cvtss_f32(s);
  return total;
}

__attribute__((noinline)) float multiply_add_loop_sse() {
  __m128 sums[kAccumulators], x = _mm_set1_ps(0.999f), y = _mm_set1_ps(1e-3f);
#pragma GCC unroll 16
  for (auto& s : sums) s = _mm_set1_ps(1.0f);
  for (int i = 0; i < kInnerSteps; ++i)
#pragma GCC unroll 16
    for (auto& s : sums) {
      s = _mm_add_ps(_mm_mul_ps(s, x), y);
      asm volatile("" : "+x"(s));
    }
  float total = 0;
#pragma GCC unroll 16
  for (auto& s : sums) total += _mm_cvtss_f32(s);
  return total;
}

__attribute__((target("avx2"), noinline)) float read_loop_avx2(const float* data, size_t count) {
  __m256 sums[8] = {};
  for (size_t i = 0; i + 64 <= count; i += 64)
#pragma GCC unroll 16
    for (int j = 0; j < 8; ++j) sums[j] = _mm256_or_ps(sums[j], _mm256_load_ps(data + i + 8 * j));
  float total = 0;
#pragma GCC unroll 16
  for (auto& s : sums) total += _mm256_cvtss_f32(s);
  return total;
}

__attribute__((target("avx512f,avx512dq"), noinline)) float read_loop_avx512(const float* data, size_t count) {
  __m512 sums[8] = {};
  for (size_t i = 0; i + 128 <= count; i += 128)
#pragma GCC unroll 16
    for (int j = 0; j < 8; ++j) sums[j] = _mm512_or_ps(sums[j], _mm512_load_ps(data + i + 16 * j));
  float total = 0;
#pragma GCC unroll 16
  for (auto& s : sums) total += _mm512_cvtss_f32(s);
  return total;
}

__attribute__((noinline)) float read_loop_sse(const float* data, size_t count) {
  __m128 sums[8] = {};
  for (size_t i = 0; i + 32 <= count; i += 32)
#pragma GCC unroll 16
    for (int j = 0; j < 8; ++j) sums[j] = _mm_or_ps(sums[j], _mm_load_ps(data + i + 4 * j));
  float total = 0;
#pragma GCC unroll 16
  for (auto& s : sums) total += _mm_cvtss_f32(s);
  return total;
}

std::atomic<float> g_sink;  // keeps results alive

double flops_per_loop(const Isa& isa) { return 2.0 * kInnerSteps * kAccumulators * (isa.avx512 ? 16 : isa.avx2 ? 8 : 4); }

void fma_loop(const Isa& isa) { g_sink = isa.avx512 ? fma_loop_avx512() : isa.avx2 ? fma_loop_avx2() : multiply_add_loop_sse(); }

void read_loop(const Isa& isa, const float* data, size_t count) {
  g_sink = isa.avx512 ? read_loop_avx512(data, count) : isa.avx2 ? read_loop_avx2(data, count) : read_loop_sse(data, count);
}

// Runs work(thread) `rounds` times on each of `threads` threads at once; the best rate of units per second over the tries.
template <typename Work>
double best_rate(int threads, double units_per_round, int rounds, Work work) {
  double best = 0;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    std::atomic<int> ready{0};
    std::vector<double> seconds(threads);
    const auto body = [&](int thread) {
      work(thread);  // warm
      ++ready;
      while (ready < threads) _mm_pause();
      const int64_t start = now_ns();
      for (int r = 0; r < rounds; ++r) work(thread);
      seconds[thread] = static_cast<double>(now_ns() - start) * 1e-9;
    };
    std::vector<std::thread> helpers;
    for (int t = 1; t < threads; ++t) helpers.emplace_back(body, t);
    body(0);
    for (auto& h : helpers) h.join();
    double rate = 0;
    for (double s : seconds) rate += units_per_round * rounds / s;
    best = std::max(best, rate);
  }
  return best;
}

struct FreeDeleter {
  void operator()(float* p) const { std::free(p); }
};

double read_rate(const Isa& isa, int threads, size_t bytes_per_thread) {
  std::vector<std::unique_ptr<float, FreeDeleter>> buffers;
  for (int t = 0; t < threads; ++t) {
    buffers.emplace_back(static_cast<float*>(std::aligned_alloc(1 << 21, align_up(bytes_per_thread, 1 << 21))));
    if (!buffers.back()) return 1e9;
    std::memset(buffers.back().get(), 0, bytes_per_thread);
  }
  const int rounds = static_cast<int>(std::max<size_t>(1, (size_t{16} << 20) / bytes_per_thread));
  return best_rate(threads, static_cast<double>(bytes_per_thread), rounds,
                   [&](int t) { read_loop(isa, buffers[t].get(), bytes_per_thread / sizeof(float)); });
}

std::string identity_line(int threads) {
  return cpu_model() + " | " + std::string(isa_name(host_isa())) + " | " + std::to_string(threads);
}

bool read_cache(const std::string& file, int threads, Roofline& out) {
  std::ifstream in(file);
  std::string line;
  if (!std::getline(in, line) || line != identity_line(threads)) return false;
  in >> out.flops_one >> out.flops_all;
  for (auto& level : out.levels) in >> level.bytes >> level.read_one >> level.read_all;
  return static_cast<bool>(in) && out.flops_one > 0 && out.levels.back().read_one > 0;
}

void write_cache(const std::string& file, const Roofline& r) {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(file).parent_path(), ignored);
  const std::string aside = file + ".new";
  {
    std::ofstream out(aside);
    out << identity_line(r.threads) << '\n' << r.flops_one << ' ' << r.flops_all << '\n';
    for (const auto& level : r.levels) out << level.bytes << ' ' << level.read_one << ' ' << level.read_all << '\n';
    if (!out) return;
  }
  std::filesystem::rename(aside, file, ignored);
}

}  // namespace

double Roofline::bandwidth(double working_set_bytes, int with_threads) const {
  const int sharers = with_threads > 1 ? threads : 1;
  // Between two measured sizes part of the set may stay in the faster level: a floor takes the faster rate.
  const Level* level = &levels[0];
  for (const Level& next : levels)
    if (working_set_bytes / sharers >= next.bytes) level = &next;
  return with_threads > 1 ? level->read_all : level->read_one;
}

double Roofline::floor_seconds(double flop_count, double bytes, double working_set, int with_threads) const {
  return std::max(flop_count / flops(with_threads), bytes / bandwidth(working_set, with_threads));
}

Roofline measure_roofline(int threads) {
  Roofline r;
  r.isa = host_isa();
  r.threads = std::max(threads, 1);
  const double work = flops_per_loop(r.isa);
  r.flops_one = best_rate(1, work, 20, [&](int) { fma_loop(r.isa); });
  r.flops_all = r.threads > 1 ? best_rate(r.threads, work, 20, [&](int) { fma_loop(r.isa); }) : r.flops_one;
  constexpr size_t kWorkingSets[4] = {24 << 10, 384 << 10, 6 << 20, 96 << 20};
  for (int i = 0; i < 4; ++i) {
    Roofline::Level& level = r.levels[i];
    level.bytes = static_cast<double>(kWorkingSets[i]);
    level.read_one = read_rate(r.isa, 1, kWorkingSets[i]);
    level.read_all = r.threads > 1 ? read_rate(r.isa, r.threads, kWorkingSets[i]) : level.read_one;
  }
  return r;
}

Roofline cached_roofline(const std::string& cache_file, int threads) {
  Roofline r;
  r.isa = host_isa();
  r.threads = std::max(threads, 1);
  if (read_cache(cache_file, r.threads, r)) return r;
  r = measure_roofline(threads);
  write_cache(cache_file, r);
  return r;
}

}  // namespace tercel::platform
