#include "ops/registry.h"

namespace tercel::ops {

std::span<const OpDef> signal_ops() { return {}; }

}  // namespace tercel::ops
