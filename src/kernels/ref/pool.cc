#include <algorithm>
#include <cmath>

#include "kernels/ref/matrix_binds.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/spatial.h"
#include "kernels/ref/wide.h"

namespace tercel::kernels {

namespace {

struct PoolParameters {
  ops::WindowGeometry geometry;
  ActivationStrides x, y;
};

// The part of a window that lies inside the input, along one axis, as a range of taps.
struct Taps {
  int64_t origin, first, last;  // input coordinate of tap 0; taps first..last-1 are inside
};
Taps taps_of(const ops::WindowAxis& axis, int64_t input, int64_t output) {
  const int64_t origin = output * axis.stride - axis.pad_begin;
  const int64_t first = origin < 0 ? std::min(axis.kernel, (-origin + axis.dilation - 1) / axis.dilation) : 0;
  const int64_t last = origin >= input ? 0 : std::min(axis.kernel, (input - 1 - origin) / axis.dilation + 1);
  return {origin, first, std::max(first, last)};
}

// Calls visit(offset) for every tap of one window that is inside the input, in row-major order; offsets count elements
// from the start of the channel.
template <typename F>
void for_each_tap(const PoolParameters& p, int64_t depth, int64_t height, int64_t width, F&& visit) {
  const auto& g = p.geometry;
  const Taps d = taps_of(g.axes[0], g.input[0], depth), h = taps_of(g.axes[1], g.input[1], height),
             w = taps_of(g.axes[2], g.input[2], width);
  for (int64_t i = d.first; i < d.last; ++i) {
    for (int64_t j = h.first; j < h.last; ++j) {
      const int64_t row = (d.origin + i * g.axes[0].dilation) * p.x.space[0] + (h.origin + j * g.axes[1].dilation) * p.x.space[1];
      for (int64_t k = w.first; k < w.last; ++k) visit(row + (w.origin + k * g.axes[2].dilation) * p.x.space[2]);
    }
  }
}

// Calls f(channel_offset, output_offset, depth, height, width) for every output element.
template <typename F>
void for_each_window(const PoolParameters& p, Workers& workers, F&& f) {
  const auto& out = p.geometry.output;
  for_row_chunks(workers, p.y.batches * p.y.channels, [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; ++plane) {
      const int64_t batch = plane / p.y.channels, channel = plane % p.y.channels;
      const int64_t x = batch * p.x.batch + channel * p.x.channel, y = batch * p.y.batch + channel * p.y.channel;
      for (int64_t d = 0; d < out[0]; ++d)
        for (int64_t h = 0; h < out[1]; ++h)
          for (int64_t w = 0; w < out[2]; ++w) f(x, y + d * p.y.space[0] + h * p.y.space[1] + w * p.y.space[2], d, h, w);
    }
  });
}

// Taps that count for the average although they are padding: those before the end of the padded input.
int64_t padded_taps(const ops::WindowAxis& axis, int64_t input, int64_t output) {
  const int64_t origin = output * axis.stride - axis.pad_begin, end = input + axis.pad_end;
  return origin >= end ? 0 : std::min(axis.kernel, (end - 1 - origin) / axis.dilation + 1);
}

Result<PoolParameters> pool_parameters(const StepContext& c) {
  const Shape& x = c.in(0).shape;
  const ops::ActivationLayout layout = ops::layout_of(c.attributes, x.rank());
  const auto space = ops::space_of(layout, x);
  const ops::Windows windows = TRY(ops::windows_of(c.attributes, {}, layout.space_rank()));
  return PoolParameters{TRY(ops::geometry_of(windows, space_sizes(layout, space))), activation_strides(layout, x),
                        activation_strides(layout, c.out().shape)};
}

// One window over everything: space of any rank counts as one axis.
PoolParameters global_parameters(const StepContext& c) {
  const Shape& x = c.in(0).shape;
  const ops::ActivationLayout layout = ops::layout_of(c.attributes, x.rank());
  const int64_t batches = x.size(0), channels = x.size(layout.channel_axis());
  int64_t points = 1;
  for (int i = 0; i < layout.space_rank(); ++i) points *= x.size(layout.space_axis(i));
  PoolParameters p;
  p.geometry.input[2] = p.geometry.axes[2].kernel = points;
  p.x = {channels * points, layout.channels_last ? 1 : points, {0, 0, layout.channels_last ? channels : 1}, batches, channels};
  p.y = {channels, 1, {}, batches, channels};
  return p;
}

template <typename F>
Kernel window_kernel(const StepContext& c, const PoolParameters& p, F f) {
  return visit_dtype(c.in(0).dtype, [&]<typename T>() {
    return Kernel([p, f](const Buffers& buffers) {
      for_each_window(p, *buffers.workers, [&](int64_t x, int64_t y, int64_t d, int64_t h, int64_t w) {
        const T* channel = buffers.in<T>(0) + x;
        const auto for_each_value = [&](auto&& visit) {
          for_each_tap(p, d, h, w, [&](int64_t at) { visit(convert<double>(channel[at])); });
        };
        buffers.out<T>()[y] = convert<T>(f(p.geometry, for_each_value, d, h, w));
      });
    });
  });
}

Kernel average_kernel(const StepContext& c, const PoolParameters& p, bool count_padding) {
  return window_kernel(c, p, [=](const ops::WindowGeometry& g, auto&& for_each_value, int64_t d, int64_t h, int64_t w) {
    double sum = 0;
    int64_t count = 0;
    for_each_value([&](double value) {
      sum += value;
      ++count;
    });
    if (count_padding)
      count =
          padded_taps(g.axes[0], g.input[0], d) * padded_taps(g.axes[1], g.input[1], h) * padded_taps(g.axes[2], g.input[2], w);
    return count ? sum / static_cast<double>(count) : 0.0;
  });
}

Kernel lp_kernel(const StepContext& c, const PoolParameters& p, double order) {
  return window_kernel(c, p, [=](const ops::WindowGeometry&, auto&& for_each_value, int64_t, int64_t, int64_t) {
    double sum = 0;
    for_each_value([&](double value) { sum += std::pow(std::fabs(value), order); });
    return std::pow(sum, 1 / order);
  });
}

// Where an element of the input lies in the order that Indices count in; storage_order 1 is column-major within a channel.
struct IndexOrder {
  bool column_major = false;
  int64_t high = 1, wide = 1, deep = 1;
  int64_t index(int64_t at) const {
    if (!column_major) return at;
    const int64_t points = deep * high * wide, point = at % points;
    const int64_t d = point / (high * wide), h = point / wide % high, w = point % wide;
    return at - point + (w * high + h) * deep + d;
  }
};

Kernel max_kernel(const StepContext& c, const PoolParameters& p, bool wants_indices) {
  const auto& in = p.geometry.input;
  const IndexOrder order{c.attributes.get_int("storage_order", 0) != 0, in[1], in[2], in[0]};
  return visit_dtype(c.in(0).dtype, [&]<typename T>() {
    return Kernel([=](const Buffers& buffers) {
      for_each_window(p, *buffers.workers, [&](int64_t x, int64_t y, int64_t d, int64_t h, int64_t w) {
        using Limits = std::numeric_limits<Wide<T>>;
        Wide<T> best = std::same_as<Wide<T>, double> ? -Limits::infinity() : Limits::lowest();
        int64_t found = -1;
        for_each_tap(p, d, h, w, [&](int64_t at) {
          const auto value = convert<Wide<T>>(buffers.in<T>(0)[x + at]);
          if (found >= 0 && !(value > best) && !(is_nan(value) && !is_nan(best))) return;  // the first NaN wins
          best = value;
          found = at;
        });
        if (T* out = buffers.out<T>()) out[y] = convert<T>(best);
        if (wants_indices) buffers.out<int64_t>(1)[y] = order.index(x + std::max<int64_t>(found, 0));
      });
    });
  });
}

double order_of(const StepContext& c) { return static_cast<double>(c.attributes.get_int("p", 2)); }

}  // namespace

Result<Kernel> bind_max_pool(const StepContext& c) {
  return max_kernel(c, TRY(pool_parameters(c)), c.outputs.size() > 1 && c.outputs[1].present);
}
Result<Kernel> bind_average_pool(const StepContext& c) {
  return average_kernel(c, TRY(pool_parameters(c)), c.attributes.get_int("count_include_pad", 0) != 0);
}
Result<Kernel> bind_lp_pool(const StepContext& c) { return lp_kernel(c, TRY(pool_parameters(c)), order_of(c)); }
Result<Kernel> bind_global_average_pool(const StepContext& c) { return average_kernel(c, global_parameters(c), false); }
Result<Kernel> bind_global_max_pool(const StepContext& c) { return max_kernel(c, global_parameters(c), false); }
Result<Kernel> bind_global_lp_pool(const StepContext& c) { return lp_kernel(c, global_parameters(c), order_of(c)); }

}  // namespace tercel::kernels
