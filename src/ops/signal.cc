#include "ops/signal.h"

#include "ops/element_types.h"
#include "ops/indexing.h"
#include "ops/registry.h"
#include "ops/rules.h"

namespace tercel::ops {

namespace {

Result<int64_t> transform_length(const Tensor& tensor, std::string_view what) {
  const int64_t length = TRY(one_integer(tensor, what));
  if (length < 1 || length > kTransformMax)
    return invalid(std::string(what) + " is " + std::to_string(length) + ", but must be 1.." + std::to_string(kTransformMax));
  return length;
}

Result<int> parts_of(const Shape& shape) {
  const Dim last = shape[shape.rank() - 1];
  if (last == Dim(1) || last == Dim(2)) return static_cast<int>(last.size());
  return invalid("the last extent of the signal must be 1 (real) or 2 (complex), not " + std::to_string(last.size()));
}

Result<int> dft_axis(int64_t axis, int rank) {
  const int normal = TRY(normalize_axis(axis, rank));
  if (normal == rank - 1) return invalid("the last axis of a DFT holds real and imaginary parts, so it cannot be transformed");
  return normal;
}

}  // namespace

Result<DftParameters> dft_parameters(const Attributes& attributes, const Shape& shape, const Tensor* length, const Tensor* axis) {
  DftParameters p;
  p.inverse = attributes.get_int("inverse", 0) != 0;
  p.onesided = attributes.get_int("onesided", 0) != 0;
  p.axis = TRY(dft_axis(axis ? TRY(one_integer(*axis, "the axis of the DFT")) : -2, shape.rank()));
  p.in_parts = TRY(parts_of(shape));
  p.out_parts = p.onesided && p.inverse ? 1 : 2;
  if (p.onesided && (p.in_parts == 2) != p.inverse)
    return invalid(p.inverse ? "a one-sided inverse DFT takes complex input"
                             : "a one-sided DFT takes real input; set onesided to 0");
  const int64_t extent = shape.size(p.axis);
  p.length = length ? TRY(transform_length(*length, "dft_length")) : p.onesided && p.inverse ? 2 * (extent - 1) : extent;
  if (p.length < 1 || p.length > kTransformMax)
    return invalid("a DFT of " + std::to_string(p.length) + " samples; 1.." + std::to_string(kTransformMax) + " are supported");
  p.out_extent = p.onesided && !p.inverse ? p.length / 2 + 1 : p.length;
  return p;
}

Result<void> infer_dft(InferContext& context) {
  TRY(want_inputs(context, 1));
  TRY(want_type(context, 0, kFloatTypes));
  TRY(want_rank(context, 0, 2));
  TRY(want_type(context, 1, kIndexTypes));
  TRY(want_type(context, 2, kIndexTypes));
  const Shape& shape = context.shape(0);
  const bool inverse = context.attributes().get_int("inverse", 0) != 0,
             onesided = context.attributes().get_int("onesided", 0) != 0;
  std::vector<Dim> out(shape.begin(), shape.end());
  out.back() = Dim(inverse && onesided ? 1 : 2);
  if (context.has(2) && !context.value(2)) {
    std::fill(out.begin(), out.end() - 1, Dim::unknown());
    return needs_value(context, 0, context.dtype(0), out, 2);
  }
  const int axis =
      TRY(dft_axis(context.value(2) ? TRY(one_integer(*context.value(2), "the axis of the DFT")) : -2, shape.rank()));
  Dim& extent = out[static_cast<size_t>(axis)];
  if (context.has(1) && !context.value(1)) {
    extent = Dim::unknown();
    return needs_value(context, 0, context.dtype(0), out, 1);
  }
  if (shape.is_static()) {
    const DftParameters p = TRY(dft_parameters(context.attributes(), shape, context.value(1), context.value(2)));
    extent = Dim(p.out_extent);
  } else if (const Tensor* length = context.value(1)) {
    const int64_t n = TRY(transform_length(*length, "dft_length"));
    extent = Dim(onesided && !inverse ? n / 2 + 1 : n);
  } else if (onesided) {
    extent = inverse ? (extent - Dim(1)) * Dim(2) : floor_divide(extent, 2) + Dim(1);
  }
  return set_shape(context, 0, context.dtype(0), out);
}

Result<StftParameters> stft_parameters(const Attributes& attributes, const Shape& signal, const Tensor& step,
                                       int64_t window_length, const Tensor* length) {
  StftParameters p;
  const bool onesided = attributes.get_int("onesided", 1) != 0;
  if (onesided && TRY(parts_of(signal)) == 2) return invalid("a complex signal has no one-sided STFT; set onesided to 0");
  p.step = TRY(transform_length(step, "the frame step of the STFT"));
  p.length = length               ? TRY(transform_length(*length, "the frame length of the STFT"))
             : window_length >= 0 ? window_length
                                  : signal.size(1);
  if (window_length >= 0 && window_length != p.length)
    return invalid("the window of the STFT has " + std::to_string(window_length) + " elements, but its frames have " +
                   std::to_string(p.length));
  if (p.length < 1 || p.length > kTransformMax || p.length > signal.size(1))
    return invalid("the STFT has frames of " + std::to_string(p.length) + " samples, but the signal has " +
                   std::to_string(signal.size(1)));
  p.frames = (signal.size(1) - p.length) / p.step + 1;
  p.bins = onesided ? p.length / 2 + 1 : p.length;
  return p;
}

Result<void> infer_stft(InferContext& context) {
  TRY(want_inputs(context, 2));
  TRY(want_type(context, 0, kFloatTypes));
  TRY(want_rank(context, 0, 3, 3));
  for (size_t i : {1, 3}) TRY(want_type(context, i, kIndexTypes));
  if (context.has(2)) {
    TRY(want_rank(context, 2, 1, 1));
    TRY(want_dtype(context, 2, context.dtype(2) == context.dtype(0), "the element type of the signal"));
  }
  const Shape& signal = context.shape(0);
  std::vector<Dim> out{signal[0], Dim::unknown(), Dim::unknown(), Dim(2)};
  for (size_t i : {1, 3})
    if (context.has(i) && !context.value(i)) return needs_value(context, 0, context.dtype(0), out, i);
  if (!signal.is_static() || (context.has(2) && !context.shape(2).is_static()))
    return set_shape(context, 0, context.dtype(0), out);
  const StftParameters p = TRY(stft_parameters(context.attributes(), signal, *context.value(1),
                                               context.has(2) ? context.shape(2).size(0) : -1, context.value(3)));
  out[1] = Dim(p.frames);
  out[2] = Dim(p.bins);
  return set_shape(context, 0, context.dtype(0), out);
}

Result<void> infer_window(InferContext& context) {
  TRY(want_inputs(context, 1));
  TRY(want_type(context, 0, kIndexTypes));
  TRY(want_one_element(context, 0));
  const DType dtype = TRY(dtype_attribute(context.attributes(), "output_datatype", DType::kFloat32));
  if (const Tensor* value = context.value(0)) {
    const int64_t size = TRY(one_integer(*value, "the size of the window"));
    if (size < 0) return invalid("the size of the window is " + std::to_string(size));
    return set_shape(context, 0, dtype, std::array{Dim(size)});
  }
  const auto dims = tracked_dims(context, 0);
  const Dim size = dims && dims->size() == 1 ? dims->front() : Dim::unknown();
  if (size.is_unknown()) return needs_value(context, 0, dtype, std::array{size}, 0);
  return set_shape(context, 0, dtype, std::array{size});
}

Result<void> infer_mel_weight_matrix(InferContext& context) {
  TRY(want_inputs(context, 5));
  for (size_t i : {0, 1, 2}) TRY(want_type(context, i, kIndexTypes));
  for (size_t i : {3, 4}) TRY(want_type(context, i, kFloatTypes));
  for (size_t i = 0; i < 5; ++i) TRY(want_one_element(context, i));
  const DType dtype = TRY(dtype_attribute(context.attributes(), "output_datatype", DType::kFloat32));
  for (size_t i : {0, 1})
    if (!context.value(i)) return needs_value(context, 0, dtype, std::array{Dim::unknown(), Dim::unknown()}, i);
  const int64_t bands = TRY(one_integer(*context.value(0), "num_mel_bins")),
                length = TRY(one_integer(*context.value(1), "dft_length"));
  if (bands < 0 || bands > kTransformMax || length < 0 || length > kTransformMax)
    return invalid("a MelWeightMatrix of " + std::to_string(bands) + " bands and dft_length " + std::to_string(length) + "; 0.." +
                   std::to_string(kTransformMax) + " are supported");
  return set_shape(context, 0, dtype, std::array{Dim(length / 2 + 1), Dim(bands)});
}

namespace {

constexpr OpDef kOps[] = {
    {"DFT", 1, 3, 1, 1, infer_dft},
    {"STFT", 2, 4, 1, 1, infer_stft},
    {"HannWindow", 1, 1, 1, 1, infer_window},
    {"HammingWindow", 1, 1, 1, 1, infer_window},
    {"BlackmanWindow", 1, 1, 1, 1, infer_window},
    {"MelWeightMatrix", 5, 5, 1, 1, infer_mel_weight_matrix},
};

}  // namespace

std::span<const OpDef> signal_ops() { return kOps; }

}  // namespace tercel::ops
