#include "kernels/ref/strided_copy.h"

#include <algorithm>
#include <cstring>

namespace tercel::kernels {

namespace {

// Copies smaller than this stay on one thread: a hand-over costs more than moving 64 KiB.
constexpr int64_t kParallelBytesMin = 64 << 10;
constexpr int kChunksMax = 64;

template <typename T>
void copy_row(const T* source, int64_t source_stride, T* target, int64_t target_stride, int64_t count) {
  if (source_stride == 1 && target_stride == 1) {
    std::memcpy(target, source, static_cast<size_t>(count) * sizeof(T));
  } else if (source_stride == 0 && target_stride == 1) {
    std::fill_n(target, count, *source);
  } else {
    for (int64_t i = 0; i < count; ++i) target[i * target_stride] = source[i * source_stride];
  }
}

// Copies the rows first..last-1, where a row is one run along the last axis and rows count row-major.
template <typename T>
void copy_rows(const StridedCopy& c, const T* source, T* target, int64_t first, int64_t last) {
  const int inner = c.rank - 1;
  std::array<int64_t, StridedCopy::kAxesMax> index{};
  int64_t s = c.source_offset, t = c.target_offset;
  for (int64_t i = inner - 1, row = first; i >= 0; row /= c.sizes[i], --i) {
    index[i] = row % c.sizes[i];
    s += index[i] * c.source_strides[i];
    t += index[i] * c.target_strides[i];
  }
  for (int64_t row = first; row < last; ++row) {
    copy_row(source + s, c.source_strides[inner], target + t, c.target_strides[inner], c.sizes[inner]);
    for (int i = inner - 1; i >= 0; --i) {
      s += c.source_strides[i];
      t += c.target_strides[i];
      if (++index[i] < c.sizes[i]) break;
      s -= c.source_strides[i] * c.sizes[i];
      t -= c.target_strides[i] * c.sizes[i];
      index[i] = 0;
    }
  }
}

}  // namespace

void StridedCopy::add_axis(int64_t size, int64_t source_stride, int64_t target_stride) {
  check(rank < kAxesMax, "axes of a strided copy");
  sizes[rank] = size;
  source_strides[rank] = source_stride;
  target_strides[rank] = target_stride;
  ++rank;
}

StridedCopy StridedCopy::simplified() const {
  StridedCopy out;
  out.source_offset = source_offset;
  out.target_offset = target_offset;
  for (int i = 0; i < rank; ++i) {
    if (sizes[i] == 1) continue;
    const int last = out.rank - 1;
    if (last >= 0 && out.source_strides[last] == source_strides[i] * sizes[i] &&
        out.target_strides[last] == target_strides[i] * sizes[i]) {
      out.sizes[last] *= sizes[i];
      out.source_strides[last] = source_strides[i];
      out.target_strides[last] = target_strides[i];
    } else {
      out.add_axis(sizes[i], source_strides[i], target_strides[i]);
    }
  }
  if (out.rank == 0) out.add_axis(1, 1, 1);
  return out;
}

void run_copy(const StridedCopy& copy, size_t element_bytes, const void* source, void* target, Workers& workers) {
  int64_t rows = 1;
  for (int i = 0; i < copy.rank - 1; ++i) rows *= copy.sizes[i];
  const int64_t row_size = copy.sizes[copy.rank - 1];
  if (rows == 0 || row_size == 0) return;
  const bool cut =
      (workers.count() > 1 || workers.may_pause()) && rows * row_size * static_cast<int64_t>(element_bytes) >= kParallelBytesMin;
  const int64_t chunks = cut ? std::min<int64_t>(rows, kChunksMax) : 1;
  visit_element_bytes(element_bytes, [&]<typename T>() {
    const auto task = [&](int chunk, int) {
      copy_rows(copy, static_cast<const T*>(source), static_cast<T*>(target), rows * chunk / chunks, rows * (chunk + 1) / chunks);
    };
    if (chunks == 1) task(0, 0);
    else workers.run(static_cast<int>(chunks), task);
  });
}

Kernel copy_kernel(const StridedCopy& copy, DType dtype) {
  return Kernel([copy = copy.simplified(), bytes = dtype_size(dtype)](const Buffers& b) {
    run_copy(copy, bytes, b.in<void>(0), b.out<void>(), *b.workers);
  });
}

Kernel same_bytes_kernel(size_t bytes) {
  return Kernel([bytes](const Buffers& b) {
    if (bytes != 0 && b.in<void>(0) != b.out<void>()) std::memcpy(b.out<void>(), b.in<void>(0), bytes);
  });
}

void fill_elements(void* target, int64_t count, const void* value, size_t element_bytes) {
  visit_element_bytes(element_bytes, [&]<typename T>() {
    T element;
    std::memcpy(&element, value, sizeof(T));
    std::fill_n(static_cast<T*>(target), count, element);
  });
}

}  // namespace tercel::kernels
