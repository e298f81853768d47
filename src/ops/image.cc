#include "ops/image.h"

#include "ops/registry.h"
#include "ops/rules.h"

namespace tercel::ops {

Result<SampleMode> sample_mode_of(const Attributes& attributes) {
  const std::string_view name = attributes.get_string("mode", "linear");
  if (name == "linear" || name == "bilinear") return SampleMode::kLinear;
  if (name == "cubic" || name == "bicubic") return SampleMode::kCubic;
  if (name == "nearest") return SampleMode::kNearest;
  return invalid("attribute mode is \"" + std::string(name.substr(0, 40)) + "\"; known are linear, nearest, cubic");
}

Result<SamplePadding> sample_padding_of(const Attributes& attributes) {
  const std::string_view name = attributes.get_string("padding_mode", "zeros");
  if (name == "zeros") return SamplePadding::kZeros;
  if (name == "border") return SamplePadding::kBorder;
  if (name == "reflection") return SamplePadding::kReflection;
  return invalid("attribute padding_mode is \"" + std::string(name.substr(0, 40)) + "\"; known are zeros, border, reflection");
}

Result<void> infer_grid_sample(InferContext& context) {
  TRY(want_inputs(context, 2));
  TRY(want_type(context, 1, kFloatTypes));
  TRY(want_rank(context, 0, 3));
  const Shape &x = context.shape(0), &grid = context.shape(1);
  TRY(want_rank(context, 1, x.rank(), x.rank()));
  TRY(sample_mode_of(context.attributes()));
  TRY(sample_padding_of(context.attributes()));
  TRY(unify(grid[grid.rank() - 1], Dim(x.rank() - 2), "the last extent of the grid and the number of spatial axes"));
  std::vector<Dim> out{TRY(unify(x[0], grid[0], "the batch sizes of X and grid")), x[1]};
  for (int i = 1; i + 1 < grid.rank(); ++i) out.push_back(grid[i]);
  Dim positions(1);
  for (size_t i = 2; i < out.size(); ++i) positions = positions * out[i];
  for (int i = 2; i < x.rank(); ++i)
    if (x[i] == Dim(0) && !(positions == Dim(0))) return invalid("the GridSample has nothing to sample in " + to_string(x));
  return set_shape(context, 0, context.dtype(0), out);
}

Result<std::vector<int64_t>> affine_grid_extents(const Tensor& size) {
  std::vector<int64_t> extents = TRY(parameter_ints(size, "the size of the AffineGrid"));
  if (extents.size() != 4 && extents.size() != 5) return invalid("the size of the AffineGrid must have 4 or 5 extents");
  for (int64_t extent : extents)
    if (extent < 0 || extent > kElementsMax) return invalid("the size of the AffineGrid holds " + std::to_string(extent));
  extents.erase(extents.begin(), extents.begin() + 2);
  return extents;
}

Result<void> infer_affine_grid(InferContext& context) {
  TRY(want_inputs(context, 2));
  TRY(want_type(context, 0, kFloatTypes));
  TRY(want_rank(context, 0, 3, 3));
  const Shape& theta = context.shape(0);
  const auto length = TRY(parameter_length(context, 1, "the size of the AffineGrid"));
  std::vector<Dim> out{theta[0]};
  if (const Tensor* size = context.value(1)) {
    for (int64_t extent : TRY(affine_grid_extents(*size))) out.push_back(Dim(extent));
  } else {
    const auto dims = tracked_dims(context, 1);
    if (!length) return Error(ErrorCode::kNeedsValue, "the rank of the grid depends on the contents of input 1");
    if (*length != 4 && *length != 5) return invalid("the size of the AffineGrid must have 4 or 5 extents");
    const bool tracked = dims && static_cast<int>(dims->size()) == *length;
    for (int i = 2; i < *length; ++i) out.push_back(tracked ? (*dims)[static_cast<size_t>(i)] : Dim::unknown());
  }
  const Dim spatial(static_cast<int64_t>(out.size()) - 1);
  TRY(unify(theta[1], spatial, "the rows of theta and the number of spatial axes"));
  TRY(unify(theta[2], spatial + Dim(1), "the columns of theta and the number of spatial axes plus one"));
  out.push_back(spatial);
  if (!context.value(1)) return needs_value(context, 0, context.dtype(0), out, 1);
  return set_shape(context, 0, context.dtype(0), out);
}

namespace {

constexpr int64_t kPooledExtentMax = 1 << 20;

Result<void> want_pooled_extent(int64_t extent, std::string_view name) {
  if (extent >= 1 && extent <= kPooledExtentMax) return {};
  return invalid("attribute " + std::string(name) + " holds " + std::to_string(extent) + ", but must be 1.." +
                 std::to_string(kPooledExtentMax));
}

}  // namespace

Result<RoiAlignParameters> roi_align_parameters(const Attributes& attributes) {
  RoiAlignParameters p{attributes.get_int("output_height", 1), attributes.get_int("output_width", 1),
                       attributes.get_int("sampling_ratio", 0), static_cast<double>(attributes.get_float("spatial_scale", 1))};
  TRY(want_pooled_extent(p.height, "output_height"));
  TRY(want_pooled_extent(p.width, "output_width"));
  if (p.sampling_ratio < 0 || p.sampling_ratio > 1024)
    return invalid("attribute sampling_ratio is " + std::to_string(p.sampling_ratio) + ", but must be 0..1024");
  const std::string_view coordinates = attributes.get_string("coordinate_transformation_mode", "half_pixel"),
                         mode = attributes.get_string("mode", "avg");
  if (coordinates != "half_pixel" && coordinates != "output_half_pixel")
    return invalid("attribute coordinate_transformation_mode must be half_pixel or output_half_pixel");
  if (mode != "avg" && mode != "max") return invalid("attribute mode must be avg or max");
  p.half_pixel = coordinates == "half_pixel";
  p.is_max = mode == "max";
  return p;
}

Result<void> infer_roi_align(InferContext& context) {
  TRY(want_inputs(context, 3));
  TRY(want_type(context, 0, kFloatTypes));
  TRY(want_dtype(context, 1, context.dtype(1) == context.dtype(0), "the element type of X"));
  TRY(want_type(context, 2, kIndexTypes));
  TRY(want_rank(context, 0, 4, 4));
  TRY(want_rank(context, 1, 2, 2));
  TRY(want_rank(context, 2, 1, 1));
  const RoiAlignParameters p = TRY(roi_align_parameters(context.attributes()));
  const Shape& rois = context.shape(1);
  TRY(unify(rois[1], Dim(4), "the numbers of a region"));
  const Dim count = TRY(unify(rois[0], context.shape(2)[0], "the counts of rois and batch_indices"));
  return set_shape(context, 0, context.dtype(0), std::array{count, context.shape(0)[1], Dim(p.height), Dim(p.width)});
}

Result<void> infer_max_roi_pool(InferContext& context) {
  TRY(want_inputs(context, 2));
  TRY(want_type(context, 0, kFloatTypes));
  TRY(want_dtype(context, 1, context.dtype(1) == context.dtype(0), "the element type of X"));
  TRY(want_rank(context, 0, 4, 4));
  TRY(want_rank(context, 1, 2, 2));
  const auto pooled = context.attributes().get_ints("pooled_shape");
  if (pooled.size() != 2) return invalid("attribute pooled_shape must have 2 extents");
  for (int64_t extent : pooled) TRY(want_pooled_extent(extent, "pooled_shape"));
  TRY(unify(context.shape(1)[1], Dim(5), "the numbers of a region"));
  return set_shape(context, 0, context.dtype(0),
                   std::array{context.shape(1)[0], context.shape(0)[1], Dim(pooled[0]), Dim(pooled[1])});
}

namespace {

constexpr OpDef kOps[] = {
    {"Resize", 1, 4, 1, 1, infer_resize},           {"GridSample", 2, 2, 1, 1, infer_grid_sample},
    {"AffineGrid", 2, 2, 1, 1, infer_affine_grid},  {"RoiAlign", 3, 3, 1, 1, infer_roi_align},
    {"MaxRoiPool", 2, 2, 1, 1, infer_max_roi_pool}, {"NonMaxSuppression", 2, 5, 1, 1, infer_non_max_suppression},
};

}  // namespace

std::span<const OpDef> image_ops() { return kOps; }

}  // namespace tercel::ops
