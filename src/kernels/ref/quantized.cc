#include "kernels/families.h"

namespace tercel::kernels {

std::span<const KernelRow> ref_quantized_rows() { return {}; }

}  // namespace tercel::kernels
