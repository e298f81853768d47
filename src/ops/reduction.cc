#include "ops/registry.h"

namespace tercel::ops {

std::span<const OpDef> reduction_ops() { return {}; }

}  // namespace tercel::ops
