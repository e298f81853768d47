// Gather, GatherElements, GatherND. Out-of-range indices: see clamped_index.
#include <cstring>

#include "kernels/ref/indexing.h"

namespace tercel::kernels {

// Rows of `block` bytes; a table with no rows to pick from gives zeros.
Result<Kernel> bind_gather(const StepContext& c) {
  const Shape& data = c.in(0).shape;
  const int axis = TRY(ops::axis_of(c.attributes, "axis", 0, data.rank()));
  const int64_t outer = data.elements(0, axis), extent = data.size(axis);
  const int64_t block = data.elements(axis + 1, data.rank()) * static_cast<int64_t>(dtype_size(c.in(0).dtype));
  const int64_t count = c.in(1).shape.elements();
  return Kernel([=, wide = c.in(1).dtype == DType::kInt64, bytes = c.out().bytes()](const Buffers& b) {
    if (bytes == 0) return;
    if (extent == 0) { std::memset(b.out<void>(), 0, bytes); return; }
    char* out = b.out<char>();
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t i = 0; i < count; ++i, out += block) {
        const int64_t row = o * extent + clamped_index(index_at(b.in<void>(1), wide, i), extent);
        std::memcpy(out, b.in<char>(0) + row * block, static_cast<size_t>(block));
      }
    }
  });
}

}  // namespace tercel::kernels
