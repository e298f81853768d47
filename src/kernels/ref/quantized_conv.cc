// ConvInteger and QLinearConv: [N, C, space...] of 8-bit integers.
#include "kernels/ref/quantized.h"
#include "kernels/ref/rows.h"
#include "ops/window.h"

namespace tercel::kernels {

namespace {

struct IntegerConv {
  ops::WindowGeometry geometry;
  int64_t batches, channels, group_inputs, outputs, group_outputs;
  bool x_signed, w_signed;
  bool channel_zeros;  // one zero point of the weights for each output channel
};

Result<IntegerConv> integer_conv(const StepContext& c, size_t input, size_t weights, size_t weights_zero) {
  const Shape &x = c.in(input).shape, &w = c.in(weights).shape;
  const std::vector<int64_t> kernel = Shape(w.dims().subspan(2)).sizes(), space = Shape(x.dims().subspan(2)).sizes();
  const auto geometry = TRY(ops::geometry_of(TRY(ops::windows_of(c.attributes, kernel, x.rank() - 2)), space));
  const int64_t group = c.attributes.get_int("group", 1);
  if (group < 1 || w.size(0) % group != 0 || w.size(1) * group != x.size(1))
    return invalid("the groups do not divide the channels");
  return IntegerConv{geometry,
                     x.size(0),
                     x.size(1),
                     w.size(1),
                     w.size(0),
                     w.size(0) / group,
                     c.in(input).dtype == DType::kInt8,
                     c.in(weights).dtype == DType::kInt8,
                     c.has(weights_zero) && c.in(weights_zero).shape.elements() > 1};
}

struct ConvData {
  const void *x, *w, *x_zero, *w_zero;  // the last two may be null
};

// The sum of one output point. Taps outside the input are zero once the zero point is taken off, so they do not count.
int64_t convolve(const IntegerConv& p, const ConvData& data, int64_t batch, int64_t channel,
                 const std::array<int64_t, 3>& point) {
  const int32_t xz = data.x_zero ? byte_at(data.x_zero, p.x_signed, 0) : 0;
  const int32_t wz = data.w_zero ? byte_at(data.w_zero, p.w_signed, p.channel_zeros ? channel : 0) : 0;
  const auto& g = p.geometry;
  const int64_t first_input = batch * p.channels + channel / p.group_outputs * p.group_inputs;
  int64_t sum = 0;
  for (int64_t tap = 0; tap < g.taps(); ++tap) {
    const std::array<int64_t, 3> k{tap / g.axes[2].kernel / g.axes[1].kernel, tap / g.axes[2].kernel % g.axes[1].kernel,
                                   tap % g.axes[2].kernel};
    int64_t offset = 0;
    bool inside = true;
    for (size_t i = 0; i < 3; ++i) {
      const int64_t at = point[i] * g.axes[i].stride + k[i] * g.axes[i].dilation - g.axes[i].pad_begin;
      inside = inside && at >= 0 && at < g.input[i];
      offset = offset * g.input[i] + (inside ? at : 0);
    }
    if (!inside) continue;
    for (int64_t ic = 0; ic < p.group_inputs; ++ic)
      sum += (byte_at(data.x, p.x_signed, (first_input + ic) * g.input_points() + offset) - xz) *
             (byte_at(data.w, p.w_signed, (channel * p.group_inputs + ic) * g.taps() + tap) - wz);
  }
  return sum;
}

// Calls finish(output channel, flat output index, sum) for each element of the output.
template <typename F>
void convolve_all(const IntegerConv& p, const ConvData& data, Workers& workers, F&& finish) {
  const auto& out = p.geometry.output;
  for_row_chunks(workers, p.batches * p.outputs * out[0], [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t channel = row / out[0] % p.outputs, batch = row / out[0] / p.outputs;
      for (int64_t i = 0; i < out[1] * out[2]; ++i)
        finish(channel, row * out[1] * out[2] + i, convolve(p, data, batch, channel, {row % out[0], i / out[2], i % out[2]}));
    }
  });
}

}  // namespace

Result<Kernel> bind_conv_integer(const StepContext& c) {
  const IntegerConv p = TRY(integer_conv(c, 0, 1, 3));
  return Kernel([p, has_x_zero = c.has(2), has_w_zero = c.has(3)](const Buffers& b) {
    const ConvData data{b.in<void>(0), b.in<void>(1), has_x_zero ? b.in<void>(2) : nullptr, has_w_zero ? b.in<void>(3) : nullptr};
    convolve_all(p, data, *b.workers, [&](int64_t, int64_t at, int64_t sum) { b.out<int32_t>()[at] = wrapped(sum); });
  });
}

Result<Kernel> bind_qlinear_conv(const StepContext& c) {
  const IntegerConv p = TRY(integer_conv(c, 0, 3, 5));
  const bool channel_scales = c.in(4).shape.elements() > 1, is_signed = c.out().dtype == DType::kInt8, has_bias = c.has(8);
  return Kernel([=](const Buffers& b) {
    const ConvData data{b.in<void>(0), b.in<void>(3), b.in<void>(2), b.in<void>(5)};
    const double common = static_cast<double>(*b.in<float>(1)) / static_cast<double>(*b.in<float>(6));
    const int32_t zero = byte_at(b.in<void>(7), is_signed, 0);
    convolve_all(p, data, *b.workers, [&](int64_t channel, int64_t at, int64_t sum) {
      const int32_t total = wrapped(sum + (has_bias ? b.in<int32_t>(8)[channel] : 0));
      store_byte(b.out<void>(), is_signed, at,
                 total * (common * static_cast<double>(b.in<float>(4)[channel_scales ? channel : 0])), zero);
    });
  });
}

}  // namespace tercel::kernels
