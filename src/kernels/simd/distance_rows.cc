// CDist: support vector machines and nearest neighbours spend their time in it.
#include <cmath>

#include "kernels/simd/accepts.h"
#include "kernels/simd/distance_leaves.h"
#include "kernels/simd/parallel.h"
#include "kernels/simd/rows.h"

namespace tercel::kernels::simd {

namespace {

constexpr double kNsPerDistance = 2, kNsPerElement = 0.1;

Refusal accepts_cdist(const StepContext& context) { return want_float32(context, {0, 1}); }

Result<Kernel> bind_cdist(const StepContext& context) {
  const int64_t m = context.out().shape.size(0), n = context.out().shape.size(1), length = context.in(0).shape.size(1);
  if (m == 0 || n == 0) return nothing_to_do();
  const bool root = context.attributes.get_string("metric", "sqeuclidean") == "euclidean";
  const Cut cut = cut_work(m * n, kNsPerDistance + kNsPerElement * static_cast<double>(length));
  return Kernel([=, leaf = squared_distances_leaf(context.isa)](const Buffers& buffers) {
    const auto *a = buffers.in<float>(0), *b = buffers.in<float>(1);
    run_anyhow(*buffers.workers, cut, [&](int64_t begin, int64_t end, int) {
      float* const out = buffers.out<float>();
      for (int64_t at = begin; at < end;) {
        const int64_t row = at / n, column = at % n, count = std::min(n - column, end - at);
        leaf(a + row * length, b + column * length, static_cast<size_t>(count), static_cast<size_t>(length), out + at);
        if (root)
          for (int64_t i = at; i < at + count; ++i) out[i] = std::sqrt(out[i]);
        at += count;
      }
    });
  });
}

constexpr KernelRow kRows[] = {{"CDist", "cdist/simd", platform::kPortable, accepts_cdist, bind_cdist}};

}  // namespace

std::span<const KernelRow> distance_rows() { return kRows; }

}  // namespace tercel::kernels::simd
