#include <algorithm>

#include "kernels/ref/matrix_binds.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/spatial.h"
#include "kernels/ref/visit_float.h"
#include "kernels/ref/wide.h"
#include "ops/activation.h"

namespace tercel::kernels {

namespace {

struct ConvParameters {
  ops::WindowGeometry geometry;
  ActivationStrides x, y;
  int64_t group_inputs = 0, group_outputs = 0;
  ops::Activation activation;
};

int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b > 0); }
int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

// Adds weight * input of one tap to the sums of output columns first..first+n-1 of a row, where the tap is inside.
template <typename T>
void add_tap(const ops::WindowAxis& axis, int64_t extent, int64_t tap, double weight, const T* row, int64_t step, int64_t first,
             int64_t n, double* sums) {
  const int64_t shift = tap * axis.dilation - axis.pad_begin;  // input column = output column * stride + shift
  const int64_t begin = std::max(first, ceil_div(-shift, axis.stride));
  const int64_t end = std::min(first + n, floor_div(extent - 1 - shift, axis.stride) + 1);
  const int64_t stride = axis.stride * step, offset = shift * step;
  for (int64_t column = begin; column < end; ++column)
    sums[column - first] += weight * convert<double>(row[column * stride + offset]);
}

// The sums of one output row piece: `x` is the first input channel of the group, `w` the weights of the output channel.
template <typename T>
void convolve(const ConvParameters& p, const T* x, const T* w, int64_t depth, int64_t height, int64_t first, int64_t n,
              double* sums) {
  const auto& [deep, high, wide] = p.geometry.axes;
  for (int64_t channel = 0; channel < p.group_inputs; ++channel) {
    for (int64_t kd = 0; kd < deep.kernel; ++kd) {
      const int64_t d = depth * deep.stride + kd * deep.dilation - deep.pad_begin;
      if (d < 0 || d >= p.geometry.input[0]) continue;
      for (int64_t kh = 0; kh < high.kernel; ++kh) {
        const int64_t h = height * high.stride + kh * high.dilation - high.pad_begin;
        if (h < 0 || h >= p.geometry.input[1]) continue;
        const T* row = x + channel * p.x.channel + d * p.x.space[0] + h * p.x.space[1];
        const T* taps = w + ((channel * deep.kernel + kd) * high.kernel + kh) * wide.kernel;
        for (int64_t kw = 0; kw < wide.kernel; ++kw)
          add_tap(wide, p.geometry.input[2], kw, convert<double>(taps[kw]), row, p.x.space[2], first, n, sums);
      }
    }
  }
}

template <typename T>
void convolve_rows(const ConvParameters& p, const Buffers& buffers, const T* bias, const T* residual, int64_t begin,
                   int64_t end) {
  const auto& output = p.geometry.output;
  const int64_t weights = p.group_inputs * p.geometry.taps();
  double sums[kWideBlock];
  for (int64_t row = begin; row < end; ++row) {  // (batch, channel, depth, height), height fastest
    const int64_t height = row % output[1], depth = row / output[1] % output[0];
    const int64_t channel = row / (output[1] * output[0]) % p.y.channels, batch = row / (output[1] * output[0] * p.y.channels);
    const T* x = buffers.in<T>(0) + batch * p.x.batch + channel / p.group_outputs * p.group_inputs * p.x.channel;
    const int64_t at = batch * p.y.batch + channel * p.y.channel + depth * p.y.space[0] + height * p.y.space[1];
    for (int64_t first = 0; first < output[2]; first += kWideBlock) {
      const int64_t n = std::min(kWideBlock, output[2] - first);
      std::fill_n(sums, n, bias ? convert<double>(bias[channel]) : 0.0);
      convolve(p, x, buffers.in<T>(1) + channel * weights, depth, height, first, n, sums);
      for (int64_t i = 0; i < n; ++i) {
        const int64_t y = at + (first + i) * p.y.space[2];
        const double sum = residual ? sums[i] + convert<double>(residual[y]) : sums[i];
        buffers.out<T>()[y] = convert<T>(ops::apply(p.activation, sum));
      }
    }
  }
}

template <typename T>
Kernel conv_kernel(const ConvParameters& p, bool has_bias, bool has_residual) {
  return Kernel([=](const Buffers& buffers) {
    const T* bias = has_bias ? buffers.in<T>(2) : nullptr;
    const T* residual = has_residual ? buffers.in<T>(3) : nullptr;
    const int64_t rows = p.y.batches * p.y.channels * p.geometry.output[0] * p.geometry.output[1];
    for_row_chunks(*buffers.workers, rows,
                   [&](int64_t begin, int64_t end) { convolve_rows<T>(p, buffers, bias, residual, begin, end); });
  });
}

}  // namespace

Result<Kernel> bind_conv(const StepContext& c) {
  const Shape &x = c.in(0).shape, &w = c.in(1).shape;
  const ops::ActivationLayout layout = ops::layout_of(c.attributes, x.rank());
  const std::vector<int64_t> kernel = Shape(w.dims().subspan(2)).sizes();
  const auto space = ops::space_of(layout, x);
  ConvParameters p;
  p.geometry = TRY(ops::geometry_of(TRY(ops::windows_of(c.attributes, kernel, layout.space_rank())), space_sizes(layout, space)));
  p.x = activation_strides(layout, x);
  p.y = activation_strides(layout, c.out().shape);
  p.group_inputs = w.size(1);
  p.group_outputs = std::max<int64_t>(1, w.size(0) / c.attributes.get_int("group", 1));
  p.activation = TRY(ops::activation_of(c.attributes));
  return visit_float(c.in(0).dtype, [&]<typename T>() { return conv_kernel<T>(p, c.has(2), c.has(3)); });
}

}  // namespace tercel::kernels
