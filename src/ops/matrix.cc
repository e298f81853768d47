#include "ops/registry.h"

namespace tercel::ops {

std::span<const OpDef> matrix_ops() { return {}; }

}  // namespace tercel::ops
