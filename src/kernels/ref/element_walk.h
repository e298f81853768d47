#pragma once

#include <array>
#include <cstdint>

#include "tensor/shape.h"

namespace tercel::kernels {

// Walks all indices of `shape` and keeps the offset that the same index has in a tensor with other strides, without one axis.
class ElementWalk {
 public:
  ElementWalk(const Shape& shape, const Shape& data, int axis) : shape_(shape), strides_(strides_of(data)) { strides_[axis] = 0; }
  int64_t offset() const { return offset_; }
  void next() {
    for (int i = shape_.rank() - 1; i >= 0; --i) {
      offset_ += strides_[i];
      if (++index_[i] < shape_.size(i)) return;
      offset_ -= strides_[i] * index_[i];
      index_[i] = 0;
    }
  }

 private:
  Shape shape_;
  std::array<int64_t, kRankMax> strides_, index_{};
  int64_t offset_ = 0;
};

}  // namespace tercel::kernels
