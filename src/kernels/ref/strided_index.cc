#include "kernels/ref/strided_index.h"

namespace tercel::kernels {

StridedIndex::StridedIndex(const Shape& shape, ops::AxisSet axes) {
  const auto strides = strides_of(shape);
  for (int i = 0; i < shape.rank(); ++i)
    if (ops::has_axis(axes, i)) add_axis(shape.size(i), strides[static_cast<size_t>(i)]);
}

void StridedIndex::add_axis(int64_t extent, int64_t stride) {
  if (extent == 1) return;
  const auto last = static_cast<size_t>(rank_) - 1;
  if (extents_[last] == 1) {
    extents_[last] = extent;
    strides_[last] = stride;
  } else if (strides_[last] == extent * stride) {
    extents_[last] *= extent;
    strides_[last] = stride;
  } else {
    extents_[last + 1] = extent;
    strides_[last + 1] = stride;
    ++rank_;
  }
  elements_ *= extent;
}

int64_t StridedIndex::offset(int64_t flat) const {
  int64_t offset = 0;
  for (int i = rank_ - 1; i >= 0; --i) {
    const auto axis = static_cast<size_t>(i);
    offset += flat % extents_[axis] * strides_[axis];
    flat /= extents_[axis];
  }
  return offset;
}

}  // namespace tercel::kernels
