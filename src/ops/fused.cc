#include "ops/registry.h"

namespace tercel::ops {

std::span<const OpDef> fused_ops() { return {}; }

}  // namespace tercel::ops
