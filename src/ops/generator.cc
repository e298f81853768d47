#include "ops/registry.h"

namespace tercel::ops {

std::span<const OpDef> generator_ops() { return {}; }

}  // namespace tercel::ops
