// Pooling of channels-last activations: every point of a window is a contiguous run of channels.
#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "kernels/simd/accepts.h"
#include "kernels/simd/parallel.h"
#include "kernels/simd/pool_leaves.h"
#include "kernels/simd/rows.h"
#include "ops/window.h"

namespace tercel::kernels::simd {

namespace {

constexpr double kNsPerTap = 0.08;  // and channel
constexpr int64_t kTapsMax = 256;

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

struct Pool {
  ops::WindowGeometry geometry;
  int64_t channels = 0;
  bool count_padding = false;
  std::array<std::vector<Range>, ops::kSpatialMax> ranges;  // of every output coordinate

  void find_ranges() {
    for (size_t axis = 0; axis < ranges.size(); ++axis)
      for (int64_t at = 0; at < geometry.output[axis]; ++at)
        ranges[axis].push_back(range_of(geometry.axes[axis], geometry.input[axis], at));
  }
};

Result<Pool> pool_of(const StepContext& context) {
  const Shape& x = context.in(0).shape;
  const ops::ActivationLayout layout = ops::layout_of(context.attributes, x.rank());
  const auto space = ops::space_of(layout, x);
  const ops::Windows windows = TRY(ops::windows_of(context.attributes, {}, layout.space_rank()));
  const auto extents = std::span<const int64_t>(space).first(static_cast<size_t>(layout.space_rank()));
  Pool pool;
  pool.geometry = TRY(ops::geometry_of(windows, extents));
  pool.channels = x.size(layout.channel_axis());
  pool.count_padding = context.attributes.get_int("count_include_pad", 0) != 0;
  return pool;
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

// The input points of one window.
struct Window {
  const float* taps[kTapsMax];
  size_t count = 0;
  int64_t counted = 0;
};
void find_taps(const Pool& pool, const float* x, const Range& d, const Range& h, const Range& w, Window& window) {
  const auto& g = pool.geometry;
  window.count = 0;
  window.counted = d.counted * h.counted * w.counted;
  for (int64_t i = 0; i < d.count; ++i) {
    for (int64_t j = 0; j < h.count; ++j) {
      const int64_t row = ((d.first + i * g.axes[0].dilation) * g.input[1] + h.first + j * g.axes[1].dilation) * g.input[2];
      for (int64_t k = 0; k < w.count; ++k)
        window.taps[window.count++] = x + (row + w.first + k * g.axes[2].dilation) * pool.channels;
    }
  }
}

// Calls point(window, out) for every output point; a piece of work is some rows of output points.
template <typename Point>
Kernel pool_kernel(const StepContext& context, Pool pool, Point point) {
  pool.find_ranges();
  const auto& out = pool.geometry.output;
  const int64_t rows = context.in(0).shape.size(0) * out[0] * out[1];
  const Cut cut =
      cut_work(rows, static_cast<double>(out[2]) * (5 + kNsPerTap * static_cast<double>(pool.geometry.taps() * pool.channels)));
  return Kernel([=, pool = std::move(pool)](const Buffers& buffers) {
    run_anyhow(*buffers.workers, cut, [&](int64_t begin, int64_t end, int) {
      Window window;
      float* y = buffers.out<float>() + begin * pool.geometry.output[2] * pool.channels;
      for (int64_t row = begin; row < end; ++row) {
        const int64_t plane = row / pool.geometry.output[1];
        const Range& height = pool.ranges[1][static_cast<size_t>(row % pool.geometry.output[1])];
        const Range& depth = pool.ranges[0][static_cast<size_t>(plane % pool.geometry.output[0])];
        const float* x = buffers.in<float>(0) + plane / pool.geometry.output[0] * pool.geometry.input_points() * pool.channels;
        for (const Range& width : pool.ranges[2]) {
          find_taps(pool, x, depth, height, width, window);
          point(window, y);
          y += pool.channels;
        }
      }
    });
  });
}

Result<Kernel> bind_max(const StepContext& context) {
  if (context.out().shape.elements() == 0) return nothing_to_do();
  const Pool pool = TRY(pool_of(context));
  return pool_kernel(context, pool,
                     [max = pool_leaves(context.isa).max, channels = pool.channels](const Window& window, float* y) {
                       if (window.count == 0) std::fill_n(y, channels, -std::numeric_limits<float>::infinity());
                       else max(window.taps, window.count, static_cast<size_t>(channels), y);
                     });
}

Result<Kernel> bind_average(const StepContext& context) {
  if (context.out().shape.elements() == 0) return nothing_to_do();
  const Pool pool = TRY(pool_of(context));
  return pool_kernel(context, pool,
                     [sum = pool_leaves(context.isa).sum, channels = pool.channels, count_padding = pool.count_padding](
                         const Window& window, float* y) {
                       const int64_t count = count_padding ? window.counted : static_cast<int64_t>(window.count);
                       if (window.count == 0) std::fill_n(y, channels, 0.0f);
                       else sum(window.taps, window.count, static_cast<size_t>(channels), 1.0f / static_cast<float>(count), y);
                     });
}

constexpr KernelRow kRows[] = {
    {"MaxPool", "max-pool/simd-channels-last", platform::kPortable, accepts_pool, bind_max},
    {"AveragePool", "average-pool/simd-channels-last", platform::kPortable, accepts_pool, bind_average},
};

}  // namespace

std::span<const KernelRow> pool_rows() { return kRows; }

}  // namespace tercel::kernels::simd
