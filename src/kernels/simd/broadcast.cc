#include "kernels/simd/broadcast.h"

#include <algorithm>

namespace tercel::kernels::simd {

int64_t BroadcastSpace::elements() const {
  int64_t n = 1;
  for (int i = 0; i < rank; ++i) n *= extents[i];
  return n;
}

namespace {

// Strides of `shape`, right-aligned to `rank` dimensions, 0 where it repeats.
Strides aligned_strides(const Shape& shape, int rank) {
  Strides strides{};
  const int shift = rank - shape.rank();
  int64_t stride = 1;
  for (int i = shape.rank() - 1; i >= std::max(0, -shift); --i) {  // what sticks out in front has extent 1
    strides[i + shift] = shape.size(i) == 1 ? 0 : stride;
    stride *= shape.size(i);
  }
  return strides;
}

// Appends a dimension, into the last one when every input allows it.
void append(BroadcastSpace& space, int inputs, int64_t extent, const Strides& strides_of_inputs) {
  const int last = space.rank - 1;
  bool merges = space.rank > 0;
  for (int i = 0; i < inputs && merges; ++i) merges = space.strides[i][last] == strides_of_inputs[i] * extent;
  const int at = merges ? last : space.rank++;
  space.extents[at] = merges ? space.extents[at] * extent : extent;
  for (int i = 0; i < inputs; ++i) space.strides[i][at] = strides_of_inputs[i];
}

}  // namespace

BroadcastSpace merged_space(const Shape& output, std::span<const Shape> inputs) {
  check(inputs.size() <= kBroadcastInputsMax, "inputs of a broadcast space");
  const int count = static_cast<int>(inputs.size());
  std::array<Strides, kBroadcastInputsMax> strides{};
  for (int i = 0; i < count; ++i) strides[i] = aligned_strides(inputs[i], output.rank());
  BroadcastSpace space;
  for (int dim = 0; dim < output.rank(); ++dim) {
    if (output.size(dim) == 1) continue;
    Strides of_inputs{};
    for (int i = 0; i < count; ++i) of_inputs[i] = strides[i][dim];
    append(space, count, output.size(dim), of_inputs);
  }
  if (space.rank == 0) {
    space.rank = 1;
    space.extents[0] = 1;
  }
  return space;
}

RowCursor::RowCursor(const BroadcastSpace& space, int outer_rank, int inputs, int64_t row)
    : space_(space), outer_rank_(outer_rank), inputs_(inputs) {
  for (int dim = outer_rank - 1; dim >= 0; --dim) {
    index_[dim] = row % space.extents[dim];
    row /= space.extents[dim];
    for (int i = 0; i < inputs; ++i) offsets_[i] += index_[dim] * space.strides[i][dim];
  }
}

void RowCursor::advance() {
  for (int dim = outer_rank_ - 1; dim >= 0; --dim) {
    const bool wraps = ++index_[dim] == space_.extents[dim];
    const int64_t steps = wraps ? 1 - space_.extents[dim] : 1;
    for (int i = 0; i < inputs_; ++i) offsets_[i] += steps * space_.strides[i][dim];
    if (!wraps) return;
    index_[dim] = 0;
  }
}

void expand_input(const BroadcastSpace& space, int input, const float* from, int64_t start, int64_t count, float* to) {
  const int64_t inner = space.inner(), inner_stride = space.strides[input][space.rank - 1];
  RowCursor cursor(space, space.rank - 1, input + 1, start / inner);
  int64_t column = start % inner;
  while (count > 0) {
    const int64_t run = std::min(count, inner - column);
    const float* source = from + cursor.offset(input) + column * inner_stride;
    if (inner_stride) std::copy_n(source, run, to);
    else std::fill_n(to, run, *source);
    to += run;
    count -= run;
    column = 0;
    cursor.advance();
  }
}

}  // namespace tercel::kernels::simd
