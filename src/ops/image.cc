#include "ops/registry.h"

namespace tercel::ops {

std::span<const OpDef> image_ops() { return {}; }

}  // namespace tercel::ops
