#include "ops/registry.h"

namespace tercel::ops {

std::span<const OpDef> indexing_ops() { return {}; }

}  // namespace tercel::ops
