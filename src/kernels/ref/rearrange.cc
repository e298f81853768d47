// Trilu, ReverseSequence and Col2Im.
#include <algorithm>
#include <cstring>

#include "kernels/ref/arithmetic.h"
#include "kernels/ref/layout.h"

namespace tercel::kernels {

Result<Kernel> bind_trilu(const StepContext& c) {
  const Shape& shape = c.in(0).shape;
  const int64_t rows = shape.size(shape.rank() - 2), columns = shape.size(shape.rank() - 1);
  const int64_t matrices = shape.elements(0, shape.rank() - 2);
  const bool upper = c.attributes.get_int("upper", 1) != 0;
  return Kernel([=, bytes = dtype_size(c.in(0).dtype), has_k = c.has(1)](const Buffers& b) {
    // Diagonals further out than the matrix act like the outermost one.
    const int64_t k = has_k ? std::clamp<int64_t>(*b.in<int64_t>(1), -rows, columns) : 0;
    visit_element_bytes(bytes, [&]<typename T>() {
      const T* in = b.in<T>(0);
      T* out = b.out<T>();
      for (int64_t row = 0; row < matrices * rows; ++row, in += columns, out += columns) {
        const int64_t first = std::clamp<int64_t>(row % rows + k + (upper ? 0 : 1), 0, columns);  // of the upper part
        if (in != out) std::copy_n(in, columns, out);
        if (upper) std::fill_n(out, first, T{});
        else std::fill_n(out + first, columns - first, T{});
      }
    });
  });
}

// A sequence length outside 0..time is taken to be the nearest end of that range.
Result<Kernel> bind_reverse_sequence(const StepContext& c) {
  const Shape& shape = c.in(0).shape;
  const int batch_axis = TRY(ops::axis_of(c.attributes, "batch_axis", 1, shape.rank()));
  const int64_t rows = shape.size(0), columns = shape.size(1), inner = shape.elements(2, shape.rank());
  return Kernel([=, bytes = dtype_size(c.in(0).dtype)](const Buffers& b) {
    const size_t block = static_cast<size_t>(inner) * bytes;
    const int64_t time = batch_axis == 0 ? columns : rows;
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) {
        const int64_t t = batch_axis == 0 ? j : i;
        const int64_t length = std::clamp<int64_t>(b.in<int64_t>(1)[batch_axis == 0 ? i : j], 0, time);
        const int64_t from = t < length ? length - 1 - t : t;
        const int64_t source = batch_axis == 0 ? i * columns + from : from * columns + j;
        if (block)
          std::memcpy(b.out<char>() + (i * columns + j) * static_cast<int64_t>(block),
                      b.in<char>(0) + source * static_cast<int64_t>(block), block);
      }
    }
  });
}

namespace {

// The column in which the block lies so that its element `block_offset` covers `pixel`; -1 when there is none.
int64_t covering_column(const ops::Col2ImParameters& p, int64_t block_offset, int64_t pixel) {
  int64_t column = 0, stride = 1;
  for (size_t i = p.image.size(); i-- > 0;) {
    const int64_t start = pixel % p.image[i] + p.pads_begin[i] - block_offset % p.block[i] * p.dilations[i];
    if (start < 0 || start % p.strides[i] != 0 || start / p.strides[i] >= p.positions[i]) return -1;
    column += start / p.strides[i] * stride;
    stride *= p.positions[i];
    pixel /= p.image[i];
    block_offset /= p.block[i];
  }
  return column;
}

}  // namespace

Result<Kernel> bind_col2im(const StepContext& c) {
  const ops::Col2ImParameters p = TRY(ops::col2im_parameters(c.attributes, *TRY(need_constant(c, 1)), *TRY(need_constant(c, 2))));
  const Shape &in = c.in(0).shape, &out = c.out().shape;
  const int64_t images = out.size(0) * out.size(1);
  if (in.size(0) * in.size(1) != images * p.block_elements || in.size(2) != p.position_count)
    return invalid("the columns do not fit the image");
  return Kernel([p, images, dtype = c.in(0).dtype](const Buffers& b) {
    visit_dtype(dtype, [&]<typename T>() {
      for (int64_t i = 0; i < images * p.image_elements; ++i) {
        const T* columns = b.in<T>(0) + i / p.image_elements * p.block_elements * p.position_count;
        Accumulator<T> sum = 0;
        for (int64_t offset = 0; offset < (p.position_count ? p.block_elements : 0); ++offset) {
          const int64_t column = covering_column(p, offset, i % p.image_elements);
          if (column >= 0) sum += widened(columns[offset * p.position_count + column]);
        }
        b.out<T>()[i] = narrowed<T>(sum);
      }
    });
  });
}

}  // namespace tercel::kernels
