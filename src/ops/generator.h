#pragma once

#include "ops/op.h"

// What the generators' attributes and inputs mean, for their shape rules and kernels.
namespace tercel::ops {

// The part of its input's shape that a Shape node answers: extents start..end-1.
struct ShapeSlice {
  int start, end;
};
ShapeSlice shape_slice(const Attributes& attributes, int rank);

// How many elements Range(start, limit, delta) has; all three hold one element of one type.
Result<int64_t> range_length(const Tensor& start, const Tensor& limit, const Tensor& delta);

}  // namespace tercel::ops
