// QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear.
#include <algorithm>
#include <cmath>

#include "kernels/ref/quantized.h"
#include "kernels/ref/wide.h"

namespace tercel::kernels {

namespace {

// The number that `type` stores for `value`.
double rounded_to(DType type, double value) {
  switch (type) {
    case DType::kFloat32: return static_cast<double>(static_cast<float>(value));
    case DType::kFloat16: return convert<double>(convert<Half>(value));
    case DType::kBFloat16: return convert<double>(convert<BFloat16>(value));
    default: return value;
  }
}

double quantized(double quotient, double zero_point) {
  return std::isnan(quotient) ? zero_point : std::rint(quotient) + zero_point;
}

// Runs f(value, scale, zero point) over all elements, and stores what it gives in the type of the output.
template <typename F>
Result<Kernel> scaled_kernel(const StepContext& c, F f) {
  const ops::QuantizationGrain grain = TRY(ops::quantization_grain(c.attributes, c.in(0).shape, c.in(1).shape));
  const DType zero_type = c.has(2) ? c.in(2).dtype : DType::kUint8;
  return Kernel([=, in = c.in(0).dtype, scale_type = c.in(1).dtype, out = c.out().dtype, has_zero = c.has(2),
                 elements = c.out().shape.elements()](const Buffers& b) {
    double values[kWideBlock];
    for (int64_t first = 0; first < elements; first += kWideBlock) {
      const int64_t n = std::min(kWideBlock, elements - first);
      load_wide(in, b.in<void>(0), first, 1, n, values);
      for (int64_t i = 0; i < n; ++i) {
        const int64_t at = grain.index(first + i);
        const double zero = has_zero ? element_as_double(zero_type, b.in<void>(2), at) : 0;
        values[i] = f(values[i], element_as_double(scale_type, b.in<void>(1), at), zero);
      }
      store_wide(out, b.out<void>(), first, 1, n, values);
    }
  });
}

}  // namespace

void store_byte(void* data, bool is_signed, int64_t i, double value, int32_t zero_point) {
  const double q = quantized(value, zero_point);
  if (is_signed) static_cast<int8_t*>(data)[i] = convert<int8_t>(q);
  else static_cast<uint8_t*>(data)[i] = convert<uint8_t>(q);
}

Result<Kernel> bind_quantize_linear(const StepContext& c) {
  const DType type = TRY(ops::division_type(c.attributes, c.in(1).dtype));
  return scaled_kernel(c, [type](double x, double scale, double zero) {
    return quantized(rounded_to(type, rounded_to(type, x) / rounded_to(type, scale)), zero);
  });
}

Result<Kernel> bind_dequantize_linear(const StepContext& c) {
  return scaled_kernel(c, [](double x, double scale, double zero) { return (x - zero) * scale; });
}

// In float, as ONNX defines it: the scale is an output that others compute with.
Result<Kernel> bind_dynamic_quantize_linear(const StepContext& c) {
  return Kernel([elements = c.in(0).shape.elements()](const Buffers& b) {
    const float* x = b.in<float>(0);
    float low = 0, high = 0;  // the range includes zero; NaNs do not count
    for (int64_t i = 0; i < elements; ++i) {
      if (x[i] < low) low = x[i];
      if (x[i] > high) high = x[i];
    }
    const float scale = low == high ? 1.0f : (high - low) / 255.0f;
    const float zero = std::rint(std::clamp(0.0f - low / scale, 0.0f, 255.0f));
    const uint8_t zero_point = convert<uint8_t>(zero);
    if (b.out<float>(1)) *b.out<float>(1) = scale;
    if (b.out<uint8_t>(2)) *b.out<uint8_t>(2) = zero_point;
    if (!b.out<uint8_t>(0)) return;
    for (int64_t i = 0; i < elements; ++i) store_byte(b.out<void>(0), false, i, x[i] / scale, zero_point);
  });
}

}  // namespace tercel::kernels
