// Gather, GatherElements, GatherND. Out-of-range indices: see clamped_index.
#include <cstring>

#include "kernels/ref/element_walk.h"
#include "kernels/ref/indexing.h"
#include "kernels/ref/strided_copy.h"

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
    if (extent == 0) {
      std::memset(b.out<void>(), 0, bytes);
      return;
    }
    char* out = b.out<char>();
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t i = 0; i < count; ++i, out += block) {
        const int64_t row = o * extent + clamped_index(index_at(b.in<void>(1), wide, i), extent);
        std::memcpy(out, b.in<char>(0) + row * block, static_cast<size_t>(block));
      }
    }
  });
}

Result<Kernel> bind_gather_elements(const StepContext& c) {
  const Shape &data = c.in(0).shape, &out = c.out().shape;
  const int axis = TRY(ops::axis_of(c.attributes, "axis", 0, data.rank()));
  const ElementWalk start(out, data, axis);
  return Kernel([=, extent = data.size(axis), stride = strides_of(data)[axis], elements = out.elements(),
                 wide = c.in(1).dtype == DType::kInt64, bytes = dtype_size(c.in(0).dtype)](const Buffers& b) {
    visit_element_bytes(bytes, [&]<typename T>() {
      if (extent == 0) {
        std::fill_n(b.out<T>(), elements, T{});
        return;
      }
      ElementWalk walk = start;
      for (int64_t i = 0; i < elements; ++i, walk.next())
        b.out<T>()[i] = b.in<T>(0)[walk.offset() + clamped_index(index_at(b.in<void>(1), wide, i), extent) * stride];
    });
  });
}

Result<Kernel> bind_gather_nd(const StepContext& c) {
  const Shape &data = c.in(0).shape, &indices = c.in(1).shape;
  const int batch_dims = static_cast<int>(c.attributes.get_int("batch_dims", 0));
  const TupleIndexer indexer(data, batch_dims, static_cast<int>(indices.size(indices.rank() - 1)),
                             c.in(1).dtype == DType::kInt64);
  const int first_inner = batch_dims + indexer.length();
  const int64_t batches = data.elements(0, batch_dims), tuples = indices.elements(batch_dims, indices.rank() - 1);
  const int64_t batch_slices = data.elements(batch_dims, first_inner);
  const int64_t block = data.elements(first_inner, data.rank()) * static_cast<int64_t>(dtype_size(c.in(0).dtype));
  return Kernel([=, bytes = c.out().bytes()](const Buffers& b) {
    if (bytes == 0) return;
    if (indexer.is_empty()) {
      std::memset(b.out<void>(), 0, bytes);
      return;
    }
    for (int64_t i = 0; i < batches * tuples; ++i)
      std::memcpy(b.out<char>() + i * block, b.in<char>(0) + (i / tuples * batch_slices + indexer.at(b.in<void>(1), i)) * block,
                  static_cast<size_t>(block));
  });
}

}  // namespace tercel::kernels
