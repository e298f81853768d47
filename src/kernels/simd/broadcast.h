#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "tensor/shape.h"

namespace tercel::kernels::simd {

// Index spaces of operators whose inputs broadcast to one output.

inline constexpr int kBroadcastInputsMax = 8;
using Strides = std::array<int64_t, kRankMax>;  // in elements; 0 where the input repeats

// A broadcast index space with neighbouring dimensions merged where every input allows it. The output is contiguous.
// At least one dimension, and none of extent 1 unless it is the only one.
struct BroadcastSpace {
  int rank = 0;
  std::array<int64_t, kRankMax> extents{};
  std::array<Strides, kBroadcastInputsMax> strides{};  // of each input, in the merged dimensions

  int64_t inner() const { return extents[rank - 1]; }
  int64_t elements() const;
};

// `inputs` broadcast to `output` (shape inference checked that); at most kBroadcastInputsMax of them.
BroadcastSpace merged_space(const Shape& output, std::span<const Shape> inputs);

// Walks the outer dimensions of a space row by row and keeps the offset of each input.
class RowCursor {
 public:
  RowCursor(const BroadcastSpace& space, int outer_rank, int inputs, int64_t row);
  int64_t offset(int input) const { return offsets_[input]; }
  void advance();

 private:
  const BroadcastSpace& space_;
  int outer_rank_, inputs_;
  std::array<int64_t, kRankMax> index_{};
  std::array<int64_t, kBroadcastInputsMax> offsets_{};
};

// Writes elements start..start+count-1 (flat index of the output) of one broadcast input.
void expand_input(const BroadcastSpace& space, int input, const float* from, int64_t start, int64_t count, float* to);

}  // namespace tercel::kernels::simd
