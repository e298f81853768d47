#include "ops/registry.h"

namespace tercel::ops {

std::span<const OpDef> layout_ops() { return {}; }

}  // namespace tercel::ops
