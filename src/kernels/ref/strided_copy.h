#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "kernels/kernel.h"

// Copies between strided views: what Transpose, Slice, Concat, Expand, Tile and their kin have in common.
namespace tercel::kernels {

// A nest of loops over `rank` extents, outermost first; strides and offsets count elements, and may be 0 or negative.
// Twice kRankMax, because Tile and DepthToSpace view an axis as two.
struct StridedCopy {
  static constexpr int kAxesMax = 2 * kRankMax;
  int rank = 0;
  std::array<int64_t, kAxesMax> sizes{}, source_strides{}, target_strides{};
  int64_t source_offset = 0, target_offset = 0;

  void add_axis(int64_t size, int64_t source_stride, int64_t target_stride);
  // The same copy with as few axes as possible: extents of 1 dropped, neighbours merged.
  StridedCopy simplified() const;
};

// Runs a copy of elements of `element_bytes` (1, 2, 4 or 8). Source and target do not overlap.
void run_copy(const StridedCopy& copy, size_t element_bytes, const void* source, void* target, Workers& workers);

// A kernel that runs one copy from input 0 to output 0.
Kernel copy_kernel(const StridedCopy& copy, DType dtype);

// A kernel that copies `bytes` from input 0 to output 0, which may be the same buffer.
Kernel same_bytes_kernel(size_t bytes);

// Fills `count` elements with copies of the element at `value`.
void fill_elements(void* target, int64_t count, const void* value, size_t element_bytes);

// Calls f.template operator()<T>() with an unsigned integer type of `element_bytes`: moving an element needs no more.
template <typename F>
decltype(auto) visit_element_bytes(size_t element_bytes, F&& f) {
  switch (element_bytes) {
    case 1: return f.template operator()<uint8_t>();
    case 2: return f.template operator()<uint16_t>();
    case 4: return f.template operator()<uint32_t>();
    default: return f.template operator()<uint64_t>();
  }
}

}  // namespace tercel::kernels
