#include "ops/indexing.h"

#include "ops/registry.h"

namespace tercel::ops {

namespace {

// Moving data is no arithmetic.
double no_flops(const Attributes&, std::span<const TensorType>, std::span<const TensorType>) { return 0; }

constexpr OpDef kOps[] = {
    {"Gather", 2, 2, 1, 1, infer_gather, no_flops},
};

}  // namespace

std::span<const OpDef> indexing_ops() { return kOps; }

}  // namespace tercel::ops
