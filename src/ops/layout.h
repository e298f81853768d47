#pragma once

#include <array>
#include <vector>

#include "ops/checks.h"

// What the parameters of layout operators mean: decoded in one place for shape rules and kernels.
namespace tercel::ops {

// Transpose: output axis i is input axis result[i].
Result<std::vector<int>> permutation_of(const Attributes& attributes, int rank);

// Slice along one axis of a known extent: elements start, start + step, ... (count of them), all within the extent.
struct SliceAxis {
  int64_t start = 0, step = 1, count = 0;
};
SliceAxis slice_axis(int64_t extent, int64_t start, int64_t end, int64_t step);

struct SliceParameters {
  std::vector<int> axes;
  std::vector<int64_t> starts, ends, steps;  // one per axis; steps are not 0
};
// `axes` and `steps` may be null (absent).
Result<SliceParameters> slice_parameters(const Tensor& starts, const Tensor& ends, const Tensor* axes, const Tensor* steps,
                                         int rank);

// Extents of the parts of a Split of `extent` into `parts`, from the input `split` (may be null) or evenly.
Result<std::vector<int64_t>> split_sizes(int64_t extent, const Tensor* split, size_t parts);

enum class PadMode : uint8_t { kConstant, kReflect, kEdge, kWrap };
struct PadParameters {
  PadMode mode = PadMode::kConstant;
  std::array<int64_t, kRankMax> begin{}, end{};  // per axis of the data; negative crops
};
// `axes` may be null (absent).
Result<PadParameters> pad_parameters(const Attributes& attributes, const Tensor& pads, const Tensor* axes, int rank);

// DepthToSpace and SpaceToDepth: the block size, checked.
Result<int64_t> block_size_of(const Attributes& attributes);

// Col2Im: image, block and their attributes for `rank` spatial axes; positions[i] = where a block may start along axis i.
struct Col2ImParameters {
  std::vector<int64_t> image, block, dilations, strides, pads_begin, positions;
  int64_t block_elements = 1, image_elements = 1, position_count = 1;
};
Result<Col2ImParameters> col2im_parameters(const Attributes& attributes, const Tensor& image_shape, const Tensor& block_shape);

// Shape rules; layout.cc lists them.
Result<void> infer_reshape(InferContext& context);
Result<void> infer_flatten(InferContext& context);
Result<void> infer_squeeze(InferContext& context);
Result<void> infer_unsqueeze(InferContext& context);
Result<void> infer_expand(InferContext& context);
Result<void> infer_tile(InferContext& context);
Result<void> infer_transpose(InferContext& context);
Result<void> infer_concat(InferContext& context);
Result<void> infer_split(InferContext& context);
Result<void> infer_slice(InferContext& context);
Result<void> infer_pad(InferContext& context);
Result<void> infer_depth_to_space(InferContext& context);
Result<void> infer_space_to_depth(InferContext& context);
Result<void> infer_trilu(InferContext& context);
Result<void> infer_reverse_sequence(InferContext& context);
Result<void> infer_center_crop_pad(InferContext& context);
Result<void> infer_col2im(InferContext& context);

}  // namespace tercel::ops
