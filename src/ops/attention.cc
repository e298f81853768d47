#include "ops/registry.h"

namespace tercel::ops {

std::span<const OpDef> attention_ops() { return {}; }

}  // namespace tercel::ops
