#include "ops/registry.h"

namespace tercel::ops {

std::span<const OpDef> control_ops() { return {}; }

}  // namespace tercel::ops
