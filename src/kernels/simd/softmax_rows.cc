#include "kernels/simd/parallel.h"
#include "kernels/simd/rows.h"
#include "kernels/simd/softmax_leaves.h"

namespace tercel::kernels::simd {

namespace {

constexpr double kNsPerElement = 1.2;
constexpr int64_t kLinesTogether = 16;  // strided lines that one piece of work takes at least: a cache line of them

Refusal accepts_softmax(const StepContext& context) {
  if (context.in(0).dtype != DType::kFloat32) return "wants float32, not " + std::string(dtype_name(context.in(0).dtype));
  return {};
}

Kernel row_kernel(SoftmaxLeaves leaves, int64_t rows, int64_t n) {
  const Cut cut = cut_work(rows, kNsPerElement * static_cast<double>(n));
  return Kernel([=](const Buffers& buffers) {
    run_anyhow(*buffers.workers, cut, [&](int64_t begin, int64_t end, int) {
      leaves.rows(buffers.in<float>(0) + begin * n, buffers.out<float>() + begin * n, end - begin, static_cast<size_t>(n));
    });
  });
}

Kernel column_kernel(SoftmaxLeaves leaves, int64_t outer, int64_t n, int64_t inner) {
  const int64_t groups = (inner + kLinesTogether - 1) / kLinesTogether;  // of lines, per outer index
  const Cut cut = cut_work(outer * groups, kNsPerElement * static_cast<double>(n * std::min(inner, kLinesTogether)));
  return Kernel([=](const Buffers& buffers) {
    run_anyhow(*buffers.workers, cut, [&](int64_t begin, int64_t end, int) {
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t first = unit % groups * kLinesTogether, at = unit / groups * n * inner + first;
        leaves.columns(buffers.in<float>(0) + at, buffers.out<float>() + at, std::min(kLinesTogether, inner - first),
                       static_cast<size_t>(n), static_cast<size_t>(inner));
      }
    });
  });
}

template <bool kLogarithm>
Result<Kernel> bind_softmax(const StepContext& context) {
  const Shape& shape = context.in(0).shape;
  if (shape.elements() == 0) return Kernel([](const Buffers&) {});
  const int axis = TRY(normalize_axis(context.attributes.get_int("axis", -1), shape.rank()));
  const SoftmaxLeaves leaves = softmax_leaves(kLogarithm, context.isa);
  const int64_t outer = shape.elements(0, axis), n = shape.size(axis), inner = shape.elements(axis + 1, shape.rank());
  return inner == 1 ? row_kernel(leaves, outer, n) : column_kernel(leaves, outer, n, inner);
}

constexpr KernelRow kRows[] = {
    {.op = "Softmax",
     .name = "softmax/simd",
     .needs = platform::kPortable,
     .accepts = accepts_softmax,
     .bind = bind_softmax<false>,
     .in_place = true},
    {.op = "LogSoftmax",
     .name = "log-softmax/simd",
     .needs = platform::kPortable,
     .accepts = accepts_softmax,
     .bind = bind_softmax<true>,
     .in_place = true},
};

}  // namespace

std::span<const KernelRow> softmax_rows() { return kRows; }

}  // namespace tercel::kernels::simd
