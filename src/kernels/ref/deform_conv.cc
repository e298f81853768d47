#include <cmath>

#include "kernels/ref/matrix_binds.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/visit_float.h"
#include "kernels/ref/wide.h"
#include "ops/window.h"

namespace tercel::kernels {

namespace {

struct DeformParameters {
  ops::WindowGeometry geometry;
  int64_t channels = 0, group_inputs = 0, outputs = 0, group_outputs = 0, offset_groups = 0, offset_group_channels = 0;
};

// The input at a fractional position: linear between the four elements around it, zero outside.
template <typename T>
double sample(const T* plane, int64_t height, int64_t width, double y, double x) {
  if (!(y > -1 && y < static_cast<double>(height) && x > -1 && x < static_cast<double>(width))) return 0;  // NaN too
  const double top = std::floor(y), left = std::floor(x);
  const auto at = [&](double row, double column) {
    const auto i = static_cast<int64_t>(row), j = static_cast<int64_t>(column);
    return i < 0 || j < 0 || i >= height || j >= width ? 0.0 : convert<double>(plane[i * width + j]);
  };
  const double down = y - top, right = x - left;
  return (1 - down) * ((1 - right) * at(top, left) + right * at(top, left + 1)) +
         down * ((1 - right) * at(top + 1, left) + right * at(top + 1, left + 1));
}

template <typename T>
double deform_point(const DeformParameters& p, const T* x, const T* weights, const T* offset, const T* mask, int64_t output,
                    int64_t i, int64_t j) {
  const auto& [depth, high, wide] = p.geometry.axes;
  const int64_t points = p.geometry.output[1] * p.geometry.output[2], point = i * p.geometry.output[2] + j,
                taps = p.geometry.taps();
  const int64_t first = output / p.group_outputs * p.group_inputs;
  double sum = 0;
  for (int64_t c = 0; c < p.group_inputs; ++c) {
    const int64_t group = (first + c) / p.offset_group_channels;
    const T* plane = x + (first + c) * p.geometry.input[1] * p.geometry.input[2];
    for (int64_t tap = 0; tap < taps; ++tap) {
      const int64_t shift = group * taps + tap;
      const double y = static_cast<double>(i * high.stride - high.pad_begin + tap / wide.kernel * high.dilation) +
                       convert<double>(offset[2 * shift * points + point]);
      const double z = static_cast<double>(j * wide.stride - wide.pad_begin + tap % wide.kernel * wide.dilation) +
                       convert<double>(offset[(2 * shift + 1) * points + point]);
      const double factor = mask ? convert<double>(mask[shift * points + point]) : 1.0;
      sum += convert<double>(weights[c * taps + tap]) * factor * sample(plane, p.geometry.input[1], p.geometry.input[2], y, z);
    }
  }
  return sum;
}

template <typename T>
void deform_planes(const DeformParameters& p, const Buffers& buffers, const T* bias, const T* mask, int64_t begin, int64_t end) {
  const int64_t taps = p.geometry.taps(), points = p.geometry.output[1] * p.geometry.output[2];
  const int64_t offsets = p.offset_groups * taps * points;
  for (int64_t plane = begin; plane < end; ++plane) {
    const int64_t output = plane % p.outputs, batch = plane / p.outputs;
    const T* x = buffers.in<T>(0) + batch * p.channels * p.geometry.input[1] * p.geometry.input[2];
    const T* weights = buffers.in<T>(1) + output * p.group_inputs * taps;
    const T* offset = buffers.in<T>(2) + batch * 2 * offsets;
    for (int64_t point = 0; point < points; ++point) {
      const double sum = deform_point(p, x, weights, offset, mask ? mask + batch * offsets : nullptr, output,
                                      point / p.geometry.output[2], point % p.geometry.output[2]);
      buffers.out<T>()[plane * points + point] = convert<T>(bias ? sum + convert<double>(bias[output]) : sum);
    }
  }
}

}  // namespace

Result<Kernel> bind_deform_conv(const StepContext& c) {
  const Shape &x = c.in(0).shape, &w = c.in(1).shape;
  const std::vector<int64_t> kernel = Shape(w.dims().subspan(2)).sizes();
  const int64_t space[] = {x.size(2), x.size(3)};
  DeformParameters p;
  p.geometry = TRY(ops::geometry_of(TRY(ops::windows_of(c.attributes, kernel, 2)), space));
  p.channels = x.size(1);
  p.group_inputs = w.size(1);
  p.outputs = w.size(0);
  p.group_outputs = std::max<int64_t>(1, w.size(0) / c.attributes.get_int("group", 1));
  p.offset_groups = c.attributes.get_int("offset_group", 1);
  p.offset_group_channels = std::max<int64_t>(1, p.channels / p.offset_groups);
  return visit_float(c.in(0).dtype, [&]<typename T>() {
    return Kernel([p, has_bias = c.has(3), has_mask = c.has(4), batches = x.size(0)](const Buffers& buffers) {
      const T* bias = has_bias ? buffers.in<T>(3) : nullptr;
      const T* mask = has_mask ? buffers.in<T>(4) : nullptr;
      for_row_chunks(*buffers.workers, batches * p.outputs,
                     [&](int64_t begin, int64_t end) { deform_planes<T>(p, buffers, bias, mask, begin, end); });
    });
  });
}

}  // namespace tercel::kernels
