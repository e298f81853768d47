#include "ops/axes.h"

namespace tercel::ops {

Result<AxisSet> reduced_axes(const Attributes& attributes, std::span<const int64_t> axes, int rank) {
  if (axes.empty()) return attributes.get_int("noop_with_empty_axes", 0) ? AxisSet{0} : all_axes(rank);
  AxisSet set = 0;
  for (int64_t axis : axes) set |= 1u << TRY(normalize_axis(axis, rank));
  return set;
}

Shape reduced_shape(const Shape& shape, AxisSet axes, bool keep) {
  Shape out;
  for (int i = 0; i < shape.rank(); ++i) {
    if (!has_axis(axes, i)) out.push_back(shape[i]);
    else if (keep) out.push_back(Dim(1));
  }
  return out;
}

}  // namespace tercel::ops
