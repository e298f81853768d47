#include "ops/layout.h"

#include "ops/registry.h"

namespace tercel::ops {

namespace {

// Moving data is no arithmetic.
double no_flops(const Attributes&, std::span<const TensorType>, std::span<const TensorType>) { return 0; }

constexpr OpDef kOps[] = {
    {"Reshape", 2, 2, 1, 1, infer_reshape, no_flops},
    {"Flatten", 1, 1, 1, 1, infer_flatten, no_flops},
    {"Squeeze", 1, 2, 1, 1, infer_squeeze, no_flops},
    {"Unsqueeze", 2, 2, 1, 1, infer_unsqueeze, no_flops},
    {"Transpose", 1, 1, 1, 1, infer_transpose, no_flops},
    {"Concat", 1, kVariadic, 1, 1, infer_concat, no_flops},
    {"Split", 1, 2, 1, kVariadicOutputs, infer_split, no_flops},
    {"Slice", 3, 5, 1, 1, infer_slice, no_flops},
    {"Pad", 2, 4, 1, 1, infer_pad, no_flops},
    {"Expand", 2, 2, 1, 1, infer_expand, no_flops},
    {"Tile", 2, 2, 1, 1, infer_tile, no_flops},
    {"DepthToSpace", 1, 1, 1, 1, infer_depth_to_space, no_flops},
    {"SpaceToDepth", 1, 1, 1, 1, infer_space_to_depth, no_flops},
    {"Trilu", 1, 2, 1, 1, infer_trilu, no_flops},
    {"ReverseSequence", 2, 2, 1, 1, infer_reverse_sequence, no_flops},
    {"CenterCropPad", 2, 2, 1, 1, infer_center_crop_pad, no_flops},
    {"Col2Im", 3, 3, 1, 1, infer_col2im},
};

}  // namespace

std::span<const OpDef> layout_ops() { return kOps; }

}  // namespace tercel::ops
