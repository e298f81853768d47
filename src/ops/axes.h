#pragma once

#include <optional>
#include <vector>

#include "ops/op.h"

// Which axes an operator works along: shared by the shape rules and the reference kernels of reductions.
namespace tercel::ops {

// One bit an axis.
using AxisSet = uint32_t;
constexpr bool has_axis(AxisSet set, int axis) { return (set >> axis) & 1u; }
constexpr AxisSet all_axes(int rank) { return (1u << rank) - 1; }

// The axes a ReduceX node removes: `axes` are the contents of its second input; none given means all of them, or no axis
// at all with noop_with_empty_axes = 1.
Result<AxisSet> reduced_axes(const Attributes& attributes, std::span<const int64_t> axes, int rank);

// The shape after removing `axes`, or keeping them with extent 1.
Shape reduced_shape(const Shape& shape, AxisSet axes, bool keep);

}  // namespace tercel::ops
