#include "kernels/x86/packing.h"

#include <algorithm>
#include <cstring>

#include "base/checked.h"

namespace tercel::kernels::x86 {

int64_t packed_floats(const TileFamily& family, int64_t depth, int64_t columns) {
  return depth * static_cast<int64_t>(align_up(static_cast<size_t>(columns), static_cast<size_t>(family.lanes)));
}

void pack_panels(const TileFamily& family, const void* weights, int64_t depth, int64_t columns, int64_t k_stride,
                 int64_t n_stride, float* packed) {
  const auto bytes = static_cast<const char*>(weights);
  for (int64_t n0 = 0; n0 < columns; n0 += family.width()) {
    const int64_t left = static_cast<int64_t>(align_up(static_cast<size_t>(columns - n0), static_cast<size_t>(family.lanes)));
    const int64_t width = std::min<int64_t>(family.width(), left);
    for (int64_t k = 0; k < depth; ++k, packed += width)
      for (int64_t n = 0; n < width; ++n) {
        packed[n] = 0;
        if (n0 + n < columns)
          std::memcpy(&packed[n], bytes + (k * k_stride + (n0 + n) * n_stride) * sizeof(float), sizeof(float));
      }
  }
}

}  // namespace tercel::kernels::x86
