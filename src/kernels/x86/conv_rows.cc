#include "kernels/families.h"

namespace tercel::kernels {

std::span<const KernelRow> conv_rows() { return {}; }

}  // namespace tercel::kernels
