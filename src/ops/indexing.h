#pragma once

#include "ops/checks.h"

// What the parameters of indexing operators mean, for shape rules and kernels alike.
namespace tercel::ops {

// Shape rules; indexing.cc lists them.
Result<void> infer_gather(InferContext& context);

}  // namespace tercel::ops
