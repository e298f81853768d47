#include <algorithm>
#include <cmath>

#include "ops/image.h"
#include "ops/rules.h"

namespace tercel::ops {

namespace {

template <typename T, size_t N>
Result<T> choice_of(const Attributes& attributes, std::string_view name, std::string_view otherwise,
                    const std::pair<std::string_view, T> (&known)[N]) {
  const std::string_view value = attributes.get_string(name, otherwise);
  std::string names;
  for (const auto& [spelling, choice] : known) {
    if (value == spelling) return choice;
    names += (names.empty() ? "" : ", ") + std::string(spelling);
  }
  return invalid("attribute " + std::string(name) + " is \"" + std::string(value.substr(0, 40)) + "\"; known are " + names);
}

constexpr std::pair<std::string_view, ResizeMode> kModes[] = {
    {"nearest", ResizeMode::kNearest}, {"linear", ResizeMode::kLinear}, {"cubic", ResizeMode::kCubic}};
constexpr std::pair<std::string_view, NearestMode> kNearestModes[] = {{"round_prefer_floor", NearestMode::kRoundPreferFloor},
                                                                      {"round_prefer_ceil", NearestMode::kRoundPreferCeil},
                                                                      {"floor", NearestMode::kFloor},
                                                                      {"ceil", NearestMode::kCeil}};
constexpr std::pair<std::string_view, Coordinates> kCoordinates[] = {{"half_pixel", Coordinates::kHalfPixel},
                                                                     {"half_pixel_symmetric", Coordinates::kHalfPixelSymmetric},
                                                                     {"pytorch_half_pixel", Coordinates::kPytorchHalfPixel},
                                                                     {"align_corners", Coordinates::kAlignCorners},
                                                                     {"asymmetric", Coordinates::kAsymmetric},
                                                                     {"tf_crop_and_resize", Coordinates::kCropAndResize}};
enum class Aspect : uint8_t { kStretch, kNotLarger, kNotSmaller };
constexpr std::pair<std::string_view, Aspect> kAspects[] = {
    {"stretch", Aspect::kStretch}, {"not_larger", Aspect::kNotLarger}, {"not_smaller", Aspect::kNotSmaller}};

// An optional input that is absent, or (older exporters) there but empty.
bool is_absent(const Tensor* tensor) { return !tensor || tensor->elements() == 0; }

Result<std::vector<int>> resized_axes(const Attributes& attributes, int rank) {
  if (attributes.has("axes")) return distinct_axes(attributes.get_ints("axes"), rank);
  std::vector<int> axes;
  for (int i = 0; i < rank; ++i) axes.push_back(i);
  return axes;
}

Result<void> apply_scales(ResizeParameters& p, std::span<const int> axes, const Tensor& scales) {
  if (scales.dtype() != DType::kFloat32 || scales.elements() != static_cast<int64_t>(axes.size()))
    return invalid("the scales of the Resize must be " + std::to_string(axes.size()) + " float32 numbers");
  for (size_t i = 0; i < axes.size(); ++i) {
    auto& axis = p.axes[static_cast<size_t>(axes[i])];
    const auto scale = static_cast<float>(element_as_double(DType::kFloat32, scales.data(), static_cast<int64_t>(i)));
    if (!(scale > 0) || !std::isfinite(scale)) return invalid("a scale of the Resize is not a positive number");
    // In float, like the tools that write models: 10 * 0.7f is 7 there.
    const float size = std::floor(static_cast<float>(axis.in) * scale);
    if (size > static_cast<float>(kElementsMax)) return too_large("a scale of the Resize makes an axis too large");
    axis.scale = static_cast<double>(scale);
    axis.out = static_cast<int64_t>(size);
  }
  return {};
}

Result<void> apply_sizes(ResizeParameters& p, std::span<const int> axes, const Tensor& sizes, Aspect aspect) {
  const std::vector<int64_t> wanted = TRY(parameter_ints(sizes, "the sizes of the Resize"));
  if (wanted.size() != axes.size())
    return invalid("the Resize has " + std::to_string(wanted.size()) + " sizes for " + std::to_string(axes.size()) + " axes");
  double common = aspect == Aspect::kNotLarger ? INFINITY : 0;
  for (size_t i = 0; i < axes.size(); ++i) {
    auto& axis = p.axes[static_cast<size_t>(axes[i])];
    if (wanted[i] < 0 || wanted[i] > kElementsMax) return invalid("a size of the Resize is " + std::to_string(wanted[i]));
    axis.out = wanted[i];
    axis.scale = axis.in == 0 ? 1 : static_cast<double>(wanted[i]) / static_cast<double>(axis.in);
    common = aspect == Aspect::kNotLarger ? std::min(common, axis.scale) : std::max(common, axis.scale);
  }
  if (aspect == Aspect::kStretch) return {};
  for (int i : axes) {
    auto& axis = p.axes[static_cast<size_t>(i)];
    const double size = std::floor(common * static_cast<double>(axis.in) + 0.5);
    if (size > static_cast<double>(kElementsMax)) return too_large("the sizes of the Resize make an axis too large");
    axis.scale = common;
    axis.out = static_cast<int64_t>(size);
  }
  return {};
}

Result<void> apply_roi(ResizeParameters& p, std::span<const int> axes, const Tensor* roi) {
  if (p.coordinates != Coordinates::kCropAndResize) return {};
  if (is_absent(roi)) return invalid("a Resize with tf_crop_and_resize needs the input roi");
  const auto count = static_cast<int64_t>(axes.size());
  if (!is_float(roi->dtype()) || roi->elements() != 2 * count)
    return invalid("the roi of the Resize must be " + std::to_string(2 * count) + " floats");
  for (int64_t i = 0; i < count; ++i) {
    auto& axis = p.axes[static_cast<size_t>(axes[static_cast<size_t>(i)])];
    axis.roi_start = element_as_double(roi->dtype(), roi->data(), i);
    axis.roi_end = element_as_double(roi->dtype(), roi->data(), i + count);
    if (!std::isfinite(axis.roi_start) || !std::isfinite(axis.roi_end))
      return invalid("the roi of the Resize holds a number that is not finite");
  }
  return {};
}

}  // namespace

double ResizeParameters::Axis::source(Coordinates coordinates, int64_t position) const {
  const auto x = static_cast<double>(position), length = static_cast<double>(in);
  const double resized = scale * length;  // may be fractional
  switch (coordinates) {
    case Coordinates::kHalfPixel: return (x + 0.5) / scale - 0.5;
    case Coordinates::kHalfPixelSymmetric: return length / 2 * (1 - static_cast<double>(out) / resized) + (x + 0.5) / scale - 0.5;
    case Coordinates::kPytorchHalfPixel: return out > 1 ? (x + 0.5) / scale - 0.5 : 0;
    case Coordinates::kAlignCorners: return resized == 1 ? 0 : x * (length - 1) / (resized - 1);
    case Coordinates::kAsymmetric: return x / scale;
    case Coordinates::kCropAndResize: break;
  }
  if (resized == 1) return 0.5 * (roi_start + roi_end) * (length - 1);
  return roi_start * (length - 1) + x * (roi_end - roi_start) * (length - 1) / (resized - 1);
}

Result<ResizeParameters> resize_parameters(const Attributes& attributes, const Shape& shape, const Tensor* roi,
                                           const Tensor* scales, const Tensor* sizes) {
  ResizeParameters p;
  p.mode = TRY(choice_of(attributes, "mode", "nearest", kModes));
  p.nearest = TRY(choice_of(attributes, "nearest_mode", "round_prefer_floor", kNearestModes));
  p.coordinates = TRY(choice_of(attributes, "coordinate_transformation_mode", "half_pixel", kCoordinates));
  const Aspect aspect = TRY(choice_of(attributes, "keep_aspect_ratio_policy", "stretch", kAspects));
  p.antialias = attributes.get_int("antialias", 0) != 0;
  p.exclude_outside = attributes.get_int("exclude_outside", 0) != 0;
  p.cubic_a = static_cast<double>(attributes.get_float("cubic_coeff_a", -0.75f));
  p.extrapolation = static_cast<double>(attributes.get_float("extrapolation_value", 0));
  if (p.antialias && p.mode == ResizeMode::kNearest) return invalid("antialias makes no sense with mode nearest");
  const std::vector<int> axes = TRY(resized_axes(attributes, shape.rank()));
  for (int i = 0; i < shape.rank(); ++i) p.axes[static_cast<size_t>(i)].in = p.axes[static_cast<size_t>(i)].out = shape.size(i);
  if (is_absent(scales) == is_absent(sizes)) return invalid("the Resize needs either scales or sizes");
  if (!is_absent(scales)) TRY(apply_scales(p, axes, *scales));
  else TRY(apply_sizes(p, axes, *sizes, aspect));
  TRY(apply_roi(p, axes, roi));
  for (const auto& axis : p.axes)
    if (axis.in == 0 && axis.out != 0) return invalid("the Resize has nothing to resize along an empty axis");
  return p;
}

namespace {

// What can be said while extents or sizes are symbols: axes that keep their extent, or take that of a tracked size.
std::vector<Dim> open_extents(const InferContext& context, std::span<const int> axes) {
  const Shape& shape = context.shape(0);
  std::vector<Dim> out(shape.begin(), shape.end());
  const auto sizes = context.has(3) ? tracked_dims(context, 3) : std::nullopt;
  const Tensor* scales = context.value(2);
  for (size_t i = 0; i < axes.size(); ++i) {
    Dim& d = out[static_cast<size_t>(axes[i])];
    if (sizes && sizes->size() == axes.size()) d = (*sizes)[i];
    else if (!scales || scales->dtype() != DType::kFloat32 || scales->elements() != static_cast<int64_t>(axes.size()) ||
             element_as_double(DType::kFloat32, scales->data(), static_cast<int64_t>(i)) != 1)
      d = Dim::unknown();
  }
  return out;
}

}  // namespace

Result<void> infer_resize(InferContext& context) {
  TRY(want_inputs(context, 1));
  const Shape& shape = context.shape(0);
  const std::vector<int> axes = TRY(resized_axes(context.attributes(), shape.rank()));
  const bool needs_roi = context.attributes().get_string("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize";
  for (size_t i = needs_roi ? 1 : 2; i < 4; ++i)
    if (context.has(i) && !context.value(i)) return needs_value(context, 0, context.dtype(0), open_extents(context, axes), i);
  if (!shape.is_static()) return set_shape(context, 0, context.dtype(0), open_extents(context, axes));
  const ResizeParameters p =
      TRY(resize_parameters(context.attributes(), shape, context.value(1), context.value(2), context.value(3)));
  std::vector<Dim> out;
  for (int i = 0; i < shape.rank(); ++i) out.push_back(Dim(p.axes[static_cast<size_t>(i)].out));
  return set_shape(context, 0, context.dtype(0), out);
}

}  // namespace tercel::ops
