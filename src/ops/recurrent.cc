#include "ops/registry.h"

namespace tercel::ops {

std::span<const OpDef> recurrent_ops() { return {}; }

}  // namespace tercel::ops
