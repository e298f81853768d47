#include "kernels/families.h"

namespace tercel::kernels {

std::span<const KernelRow> simd_rows() { return {}; }

}  // namespace tercel::kernels
