#pragma once

#include <array>
#include <span>

#include "ops/checks.h"

// What the parameters of image operators mean, for shape rules and kernels alike.
namespace tercel::ops {

enum class ResizeMode : uint8_t { kNearest, kLinear, kCubic };
enum class NearestMode : uint8_t { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil };
enum class Coordinates : uint8_t {
  kHalfPixel,
  kHalfPixelSymmetric,
  kPytorchHalfPixel,
  kAlignCorners,
  kAsymmetric,
  kCropAndResize
};

struct ResizeParameters {
  struct Axis {
    int64_t in = 1, out = 1;
    double scale = 1;                   // as given, or out / in
    double roi_start = 0, roi_end = 1;  // in units of the input, for kCropAndResize
    // Where output position `x` lies in the input.
    double source(Coordinates coordinates, int64_t x) const;
  };
  ResizeMode mode = ResizeMode::kNearest;
  NearestMode nearest = NearestMode::kRoundPreferFloor;
  Coordinates coordinates = Coordinates::kHalfPixel;
  bool antialias = false, exclude_outside = false;
  double cubic_a = -0.75, extrapolation = 0;
  std::array<Axis, kRankMax> axes;
};
// Of a Resize whose inputs roi, scales, sizes are known; absent ones are null.
Result<ResizeParameters> resize_parameters(const Attributes& attributes, const Shape& shape, const Tensor* roi,
                                           const Tensor* scales, const Tensor* sizes);

enum class SampleMode : uint8_t { kNearest, kLinear, kCubic };
enum class SamplePadding : uint8_t { kZeros, kBorder, kReflection };
Result<SampleMode> sample_mode_of(const Attributes& attributes);
Result<SamplePadding> sample_padding_of(const Attributes& attributes);

// The spatial extents that the input `size` of an AffineGrid asks for: 2 or 3 of them.
Result<std::vector<int64_t>> affine_grid_extents(const Tensor& size);

// RoiAlign.
struct RoiAlignParameters {
  int64_t height = 1, width = 1, sampling_ratio = 0;
  double scale = 1;
  bool half_pixel = true, is_max = false;
};
Result<RoiAlignParameters> roi_align_parameters(const Attributes& attributes);

// NonMaxSuppression. Thresholds as their inputs say; absent inputs have their defaults.
struct BoxSelection {
  int64_t batches = 0, classes = 0, boxes = 0, per_class_max = 0;
  float iou_threshold = 0;
  bool has_score_threshold = false, center_point = false;
  float score_threshold = 0;
};
BoxSelection box_selection(const Attributes& attributes, const Shape& scores, int64_t per_class_max, const float* iou,
                           const float* score);
// Selects boxes [batches, boxes, 4] by scores [batches, classes, boxes]; the best first in each class. `order` (`boxes` long) is
// the only memory used. Writes at most `room` rows (batch, class, box) to `rows` and returns how many boxes there are.
int64_t select_boxes(const BoxSelection& s, const float* boxes, const float* scores, std::span<int64_t> order, int64_t* rows,
                     int64_t room);

// Shape rules; image.cc lists them.
Result<void> infer_resize(InferContext& context);
Result<void> infer_grid_sample(InferContext& context);
Result<void> infer_affine_grid(InferContext& context);
Result<void> infer_roi_align(InferContext& context);
Result<void> infer_max_roi_pool(InferContext& context);
Result<void> infer_non_max_suppression(InferContext& context);

}  // namespace tercel::ops
