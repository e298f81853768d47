// Reductions of one run of neighbouring axes (which covers trailing, leading and middle axes), and global pooling.
#include <cmath>

#include "kernels/simd/accepts.h"
#include "kernels/simd/parallel.h"
#include "kernels/simd/reduce_leaves.h"
#include "kernels/simd/rows.h"
#include "ops/axes.h"
#include "ops/window.h"

namespace tercel::kernels::simd {

namespace {

constexpr double kNsPerElement = 0.1;
constexpr int64_t kPiece = 32768;  // floats of a long row that are one piece of work

enum class Finish : uint8_t { kNone, kMean, kRoot };

// [outer, n, inner], reduced over n.
struct Reduction {
  int64_t outer = 1, n = 1, inner = 1;
};

Result<ops::AxisSet> axes_of(const StepContext& context) {
  const int rank = context.in(0).shape.rank();
  if (!context.has(1)) return ops::reduced_axes(context.attributes, {}, rank);
  if (!context.constant(1)) return unsupported("wants constant axes");
  return ops::reduced_axes(context.attributes, as_ints(*context.constant(1)), rank);
}

// Axes of extent 1 may be thought of as reduced or kept.
Result<Reduction> neighbouring(const Shape& x, ops::AxisSet axes) {
  Reduction reduction;
  int state = 0;  // 0 before the reduced axes, 1 in them, 2 behind them
  for (int i = 0; i < x.rank(); ++i) {
    if (x.size(i) == 1) continue;
    const bool reduced = ops::has_axis(axes, i);
    if (reduced && state == 2) return unsupported("wants the reduced axes to be neighbours");
    if (reduced) state = 1;
    else if (state == 1) state = 2;
    (state == 0 ? reduction.outer : state == 1 ? reduction.n : reduction.inner) *= x.size(i);
  }
  return reduction;
}

Refusal accepts_reduce(const StepContext& context) {
  if (Refusal refusal = want_float32(context, {0}); !refusal.empty()) return refusal;
  if (context.in(0).shape.elements() == 0) return "wants at least one element";
  const Result<ops::AxisSet> axes = axes_of(context);
  if (!axes) return axes.error().message();
  const Result<Reduction> reduction = neighbouring(context.in(0).shape, *axes);
  return reduction ? "" : reduction.error().message();
}

struct RowReduction {
  ReduceKind kind;
  Finish finish;
  double (*row)(const float*, size_t);

  double combine(double a, double b) const {
    if (kind == ReduceKind::kMax) return std::isnan(a) || a > b ? a : b;
    if (kind == ReduceKind::kMin) return std::isnan(a) || a < b ? a : b;
    return a + b;
  }
  float finished(double value, int64_t n) const {
    if (finish == Finish::kMean) return static_cast<float>(value / static_cast<double>(n));
    return static_cast<float>(finish == Finish::kRoot ? std::sqrt(value) : value);
  }
};

// Rows of a few thousand elements: a worker takes whole rows.
Kernel short_row_kernel(const RowReduction& f, int64_t rows, int64_t n) {
  const Cut cut = cut_work(rows, 5 + kNsPerElement * static_cast<double>(n));
  return Kernel([=](const Buffers& buffers) {
    run_anyhow(*buffers.workers, cut, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i)
        buffers.out<float>()[i] = f.finished(f.row(buffers.in<float>(0) + i * n, static_cast<size_t>(n)), n);
    });
  });
}

// Longer ones are cut into pieces of kPiece, whose results are combined in order.
Kernel long_row_kernel(const RowReduction& f, int64_t rows, int64_t n) {
  const int64_t pieces = (n + kPiece - 1) / kPiece;
  const Cut cut = cut_work(rows * pieces, kNsPerElement * kPiece);
  return Kernel(
      [=](const Buffers& buffers) {
        auto* parts = reinterpret_cast<double*>(buffers.scratch);
        run_anyhow(*buffers.workers, cut, [&](int64_t begin, int64_t end, int) {
          for (int64_t unit = begin; unit < end; ++unit) {
            const int64_t start = unit % pieces * kPiece;
            parts[unit] =
                f.row(buffers.in<float>(0) + unit / pieces * n + start, static_cast<size_t>(std::min(kPiece, n - start)));
          }
        });
        for (int64_t i = 0; i < rows; ++i) {
          double total = parts[i * pieces];
          for (int64_t k = 1; k < pieces; ++k) total = f.combine(total, parts[i * pieces + k]);
          buffers.out<float>()[i] = f.finished(total, n);
        }
      },
      static_cast<size_t>(rows * pieces) * sizeof(double));
}

Kernel column_kernel(ReduceLeaves leaves, Finish finish, const Reduction& r) {
  const int64_t groups = (r.inner + kColumnsTogether - 1) / kColumnsTogether;
  const Cut cut = cut_work(r.outer * groups, kNsPerElement * static_cast<double>(r.n * std::min(r.inner, kColumnsTogether)));
  const float factor = finish == Finish::kMean ? 1.0f / static_cast<float>(r.n) : 1.0f;
  return Kernel([=](const Buffers& buffers) {
    run_anyhow(*buffers.workers, cut, [&](int64_t begin, int64_t end, int) {
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t outer = unit / groups, first = unit % groups * kColumnsTogether,
                      width = std::min(kColumnsTogether, r.inner - first);
        float* out = buffers.out<float>() + outer * r.inner + first;
        leaves.columns(buffers.in<float>(0) + outer * r.n * r.inner + first, static_cast<size_t>(r.n),
                       static_cast<size_t>(r.inner), static_cast<size_t>(width), factor, out);
        if (finish == Finish::kRoot)
          for (int64_t j = 0; j < width; ++j) out[j] = std::sqrt(out[j]);
      }
    });
  });
}

Kernel reduce_kernel(const StepContext& context, ReduceKind kind, Finish finish, const Reduction& r) {
  const ReduceLeaves leaves = reduce_leaves(kind, context.isa);
  if (r.inner > 1) return column_kernel(leaves, finish, r);
  const RowReduction f{kind, finish, leaves.row};
  return r.n > kPiece ? long_row_kernel(f, r.outer, r.n) : short_row_kernel(f, r.outer, r.n);
}

template <ReduceKind kKind, Finish kFinish = Finish::kNone>
Result<Kernel> bind_reduce(const StepContext& context) {
  return reduce_kernel(context, kKind, kFinish, TRY(neighbouring(context.in(0).shape, TRY(axes_of(context)))));
}

Refusal accepts_global_pool(const StepContext& context) {
  if (context.in(0).shape.elements() == 0) return "wants at least one element";
  return want_float32(context, {0});
}

template <ReduceKind kKind, Finish kFinish = Finish::kNone>
Result<Kernel> bind_global_pool(const StepContext& context) {
  const Shape& x = context.in(0).shape;
  const bool channels_last = ops::layout_of(context.attributes, x.rank()).channels_last;
  const int64_t channels = x.size(channels_last ? x.rank() - 1 : 1), points = x.elements() / x.size(0) / channels;
  return reduce_kernel(context, kKind, kFinish,
                       channels_last ? Reduction{x.size(0), points, channels} : Reduction{x.size(0) * channels, points, 1});
}

constexpr KernelRow reduce_row(std::string_view op, std::string_view name, Result<Kernel> (*bind)(const StepContext&)) {
  return {op, name, platform::kPortable, accepts_reduce, bind};
}

constexpr KernelRow kRows[] = {
    reduce_row("ReduceSum", "reduce-sum/simd", bind_reduce<ReduceKind::kSum>),
    reduce_row("ReduceMean", "reduce-mean/simd", bind_reduce<ReduceKind::kSum, Finish::kMean>),
    reduce_row("ReduceMax", "reduce-max/simd", bind_reduce<ReduceKind::kMax>),
    reduce_row("ReduceMin", "reduce-min/simd", bind_reduce<ReduceKind::kMin>),
    reduce_row("ReduceL1", "reduce-l1/simd", bind_reduce<ReduceKind::kSumAbs>),
    reduce_row("ReduceL2", "reduce-l2/simd", bind_reduce<ReduceKind::kSumSquare, Finish::kRoot>),
    reduce_row("ReduceSumSquare", "reduce-sum-square/simd", bind_reduce<ReduceKind::kSumSquare>),
    {"GlobalAveragePool", "global-average-pool/simd", platform::kPortable, accepts_global_pool,
     bind_global_pool<ReduceKind::kSum, Finish::kMean>},
    {"GlobalMaxPool", "global-max-pool/simd", platform::kPortable, accepts_global_pool, bind_global_pool<ReduceKind::kMax>},
};

}  // namespace

std::span<const KernelRow> reduce_rows() { return kRows; }

}  // namespace tercel::kernels::simd
