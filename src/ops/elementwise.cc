#include "ops/registry.h"

namespace tercel::ops {

std::span<const OpDef> elementwise_ops() { return {}; }

}  // namespace tercel::ops
