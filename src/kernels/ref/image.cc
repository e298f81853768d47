#include "kernels/families.h"

namespace tercel::kernels {

std::span<const KernelRow> ref_image_rows() { return {}; }

}  // namespace tercel::kernels
