// Pooling of channels-last activations: every point of a window is a contiguous run of channels.
#include <algorithm>
#include <limits>

#include "kernels/simd/accepts.h"
#include "kernels/simd/parallel.h"
#include "kernels/simd/pool_leaves.h"
#include "kernels/simd/rows.h"
#include "ops/window.h"

namespace tercel::kernels::simd {

namespace {

constexpr double kNsPerTap = 0.08;  // and channel
constexpr int64_t kTapsMax = 256;

struct Pool {
  ops::WindowGeometry geometry;
  int64_t channels = 0;
  bool count_padding = false;
};

Result<Pool> pool_of(const StepContext& context) {
  const Shape& x = context.in(0).shape;
  const ops::ActivationLayout layout = ops::layout_of(context.attributes, x.rank());
  const auto space = ops::space_of(layout, x);
  const ops::Windows windows = TRY(ops::windows_of(context.attributes, {}, layout.space_rank()));
  const auto extents = std::span<const int64_t>(space).first(static_cast<size_t>(layout.space_rank()));
  return Pool{TRY(ops::geometry_of(windows, extents)), x.size(layout.channel_axis()), context.attributes.get_int("count_include_pad", 0) != 0};
}

Refusal accepts_pool(const StepContext& context) {
  const Shape& x = context.in(0).shape;
  if (!context.attributes.get_int("channels_last", 0)) return "wants channels_last = 1";
  if (x.rank() < 3 || x.rank() > 2 + ops::kSpatialMax) return "wants one to three spatial axes";
  const Result<Pool> pool = pool_of(context);
  if (!pool) return pool.error().message();
  if (pool->geometry.taps() > kTapsMax) return "wants windows of at most " + std::to_string(kTapsMax) + " points";
  return first_of({want_float32(context, {0}), want_only_first_output(context)});
}

// Coordinates of one window along one axis: first, first + dilation, ... (count of them) are inside the input.
struct Range {
  int64_t first, count, counted;  // counted: those that an average over the padded input has
};
Range range_of(const ops::WindowAxis& axis, int64_t input, int64_t output) {
  const int64_t origin = output * axis.stride - axis.pad_begin, padded_end = input + axis.pad_end;
  const auto taps_before = [&](int64_t end) {  // taps at coordinates below `end`
    return origin >= end ? 0 : std::min(axis.kernel, (end - 1 - origin) / axis.dilation + 1);
  };
  const int64_t skipped = origin < 0 ? std::min(axis.kernel, (-origin + axis.dilation - 1) / axis.dilation) : 0;
  return {origin + skipped * axis.dilation, std::max<int64_t>(0, taps_before(input) - skipped), taps_before(padded_end)};
}

// The input points of one window.
struct Window {
  const float* taps[kTapsMax];
  size_t count = 0;
  int64_t counted = 0;
};
void find_taps(const Pool& pool, const float* x, int64_t depth, int64_t height, int64_t width, Window& window) {
  const auto& g = pool.geometry;
  const Range d = range_of(g.axes[0], g.input[0], depth), h = range_of(g.axes[1], g.input[1], height), w = range_of(g.axes[2], g.input[2], width);
  window.count = 0;
  window.counted = d.counted * h.counted * w.counted;
  for (int64_t i = 0; i < d.count; ++i) {
    for (int64_t j = 0; j < h.count; ++j) {
      const int64_t row = ((d.first + i * g.axes[0].dilation) * g.input[1] + h.first + j * g.axes[1].dilation) * g.input[2];
      for (int64_t k = 0; k < w.count; ++k) window.taps[window.count++] = x + (row + w.first + k * g.axes[2].dilation) * pool.channels;
    }
  }
}

// Calls point(window, out) for every output point; a piece of work is some rows of output points.
template <typename Point>
Kernel pool_kernel(const StepContext& context, const Pool& pool, Point point) {
  const auto& out = pool.geometry.output;
  const int64_t rows = context.in(0).shape.size(0) * out[0] * out[1];
  const Cut cut = cut_work(rows, static_cast<double>(out[2]) * (5 + kNsPerTap * static_cast<double>(pool.geometry.taps() * pool.channels)));
  return Kernel([=](const Buffers& buffers) {
    run_anyhow(*buffers.workers, cut, [&](int64_t begin, int64_t end, int) {
      Window window;
      float* y = buffers.out<float>() + begin * pool.geometry.output[2] * pool.channels;
      for (int64_t row = begin; row < end; ++row) {
        const int64_t height = row % pool.geometry.output[1], plane = row / pool.geometry.output[1];
        const float* x = buffers.in<float>(0) + plane / pool.geometry.output[0] * pool.geometry.input_points() * pool.channels;
        for (int64_t width = 0; width < pool.geometry.output[2]; ++width, y += pool.channels) {
          find_taps(pool, x, plane % pool.geometry.output[0], height, width, window);
          point(window, y);
        }
      }
    });
  });
}

Result<Kernel> bind_max(const StepContext& context) {
  if (context.out().shape.elements() == 0) return nothing_to_do();
  const Pool pool = TRY(pool_of(context));
  return pool_kernel(context, pool, [max = pool_leaves(context.isa).max, channels = pool.channels](const Window& window, float* y) {
    if (window.count == 0) std::fill_n(y, channels, -std::numeric_limits<float>::infinity());
    else max(window.taps, window.count, static_cast<size_t>(channels), y);
  });
}

Result<Kernel> bind_average(const StepContext& context) {
  if (context.out().shape.elements() == 0) return nothing_to_do();
  const Pool pool = TRY(pool_of(context));
  return pool_kernel(context, pool, [sum = pool_leaves(context.isa).sum, pool](const Window& window, float* y) {
    const int64_t count = pool.count_padding ? window.counted : static_cast<int64_t>(window.count);
    if (window.count == 0) std::fill_n(y, pool.channels, 0.0f);
    else sum(window.taps, window.count, static_cast<size_t>(pool.channels), 1.0f / static_cast<float>(count), y);
  });
}

constexpr KernelRow kRows[] = {
    {"MaxPool", "max-pool/simd-channels-last", platform::kPortable, accepts_pool, bind_max},
    {"AveragePool", "average-pool/simd-channels-last", platform::kPortable, accepts_pool, bind_average},
};

}  // namespace

std::span<const KernelRow> pool_rows() { return kRows; }

}  // namespace tercel::kernels::simd
