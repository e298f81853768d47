#include <algorithm>

#include "kernels/ref/matrix_binds.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/spatial.h"
#include "kernels/ref/visit_float.h"
#include "kernels/ref/wide.h"
#include "ops/transposed_window.h"

namespace tercel::kernels {

namespace {

struct TransposeParameters {
  ops::WindowGeometry geometry;
  ActivationStrides x, y;
  int64_t group_inputs = 0, group_outputs = 0;
};

// The input coordinate whose tap `tap` lands on `output`, or -1.
int64_t source_of(const ops::WindowAxis& axis, int64_t input, int64_t output, int64_t tap) {
  const int64_t spread = output + axis.pad_begin - tap * axis.dilation;
  if (spread < 0 || spread % axis.stride || spread / axis.stride >= input) return -1;
  return spread / axis.stride;
}

// One output row (n, channel, depth, height): every tap that lands on it, by input element.
template <typename T>
void transpose_row(const TransposeParameters& p, const T* x, const T* w, int64_t depth, int64_t height, int64_t first, int64_t n,
                   double* sums) {
  const auto& g = p.geometry;
  for (int64_t channel = 0; channel < p.group_inputs; ++channel) {
    const T* weights = w + channel * p.group_outputs * g.taps();
    for (int64_t kd = 0; kd < g.axes[0].kernel; ++kd) {
      const int64_t d = source_of(g.axes[0], g.input[0], depth, kd);
      if (d < 0) continue;
      for (int64_t kh = 0; kh < g.axes[1].kernel; ++kh) {
        const int64_t h = source_of(g.axes[1], g.input[1], height, kh);
        if (h < 0) continue;
        const T* row = x + channel * p.x.channel + d * p.x.space[0] + h * p.x.space[1];
        for (int64_t kw = 0; kw < g.axes[2].kernel; ++kw) {
          const auto weight = convert<double>(weights[(kd * g.axes[1].kernel + kh) * g.axes[2].kernel + kw]);
          for (int64_t i = 0; i < g.input[2]; ++i) {
            const int64_t column = i * g.axes[2].stride + kw * g.axes[2].dilation - g.axes[2].pad_begin - first;
            if (column >= 0 && column < n) sums[column] += weight * convert<double>(row[i * p.x.space[2]]);
          }
        }
      }
    }
  }
}

template <typename T>
void transpose_rows(const TransposeParameters& p, const Buffers& buffers, const T* bias, int64_t begin, int64_t end) {
  const auto& output = p.geometry.output;
  double sums[kWideBlock];
  for (int64_t row = begin; row < end; ++row) {
    const int64_t height = row % output[1], depth = row / output[1] % output[0];
    const int64_t channel = row / (output[1] * output[0]) % p.y.channels, batch = row / (output[1] * output[0] * p.y.channels);
    const int64_t group = channel / p.group_outputs;
    const T* x = buffers.in<T>(0) + batch * p.x.batch + group * p.group_inputs * p.x.channel;
    const T* w = buffers.in<T>(1) + (group * p.group_inputs * p.group_outputs + channel % p.group_outputs) * p.geometry.taps();
    const int64_t at = batch * p.y.batch + channel * p.y.channel + depth * p.y.space[0] + height * p.y.space[1];
    for (int64_t first = 0; first < output[2]; first += kWideBlock) {
      const int64_t n = std::min(kWideBlock, output[2] - first);
      std::fill_n(sums, n, bias ? convert<double>(bias[channel]) : 0.0);
      transpose_row(p, x, w, depth, height, first, n, sums);
      for (int64_t i = 0; i < n; ++i) buffers.out<T>()[at + (first + i) * p.y.space[2]] = convert<T>(sums[i]);
    }
  }
}

}  // namespace

Result<Kernel> bind_conv_transpose(const StepContext& c) {
  const Shape &x = c.in(0).shape, &w = c.in(1).shape;
  const ops::ActivationLayout layout = ops::layout_of(c.attributes, x.rank());
  const std::vector<int64_t> kernel = Shape(w.dims().subspan(2)).sizes();
  const auto space = ops::space_of(layout, x);
  TransposeParameters p;
  p.geometry = TRY(ops::transposed_geometry(TRY(ops::transposed_windows_of(c.attributes, kernel, layout.space_rank())),
                                            space_sizes(layout, space)));
  p.x = activation_strides(layout, x);
  p.y = activation_strides(layout, c.out().shape);
  p.group_inputs = w.size(0) / c.attributes.get_int("group", 1);
  p.group_outputs = std::max<int64_t>(1, w.size(1));
  return visit_float(c.in(0).dtype, [&]<typename T>() {
    return Kernel([p, has_bias = c.has(2)](const Buffers& buffers) {
      const T* bias = has_bias ? buffers.in<T>(2) : nullptr;
      const int64_t rows = p.y.batches * p.y.channels * p.geometry.output[0] * p.geometry.output[1];
      for_row_chunks(*buffers.workers, rows,
                     [&](int64_t begin, int64_t end) { transpose_rows<T>(p, buffers, bias, begin, end); });
    });
  });
}

}  // namespace tercel::kernels
