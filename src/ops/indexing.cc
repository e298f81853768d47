#include "ops/indexing.h"

#include "ops/registry.h"

namespace tercel::ops {

namespace {

// Moving data is no arithmetic.
double no_flops(const Attributes&, std::span<const TensorType>, std::span<const TensorType>) { return 0; }

constexpr OpDef kOps[] = {
    {"Gather", 2, 2, 1, 1, infer_gather, no_flops},
    {"GatherElements", 2, 2, 1, 1, infer_gather_elements, no_flops},
    {"GatherND", 2, 2, 1, 1, infer_gather_nd, no_flops},
    {"ScatterElements", 3, 3, 1, 1, infer_scatter_elements, no_flops},
    {"ScatterND", 3, 3, 1, 1, infer_scatter_nd, no_flops},
    {"TensorScatter", 2, 3, 1, 1, infer_tensor_scatter, no_flops},
    {"OneHot", 3, 3, 1, 1, infer_one_hot, no_flops},
    {"TopK", 2, 2, 2, 2, infer_top_k},
    {"NonZero", 1, 1, 1, 1, infer_non_zero},
    {"Compress", 2, 2, 1, 1, infer_compress, no_flops},
    {"Unique", 1, 1, 1, 4, infer_unique},
};

}  // namespace

std::span<const OpDef> indexing_ops() { return kOps; }

}  // namespace tercel::ops
