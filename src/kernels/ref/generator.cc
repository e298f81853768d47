#include "kernels/families.h"

namespace tercel::kernels {

std::span<const KernelRow> ref_generator_rows() { return {}; }

}  // namespace tercel::kernels
