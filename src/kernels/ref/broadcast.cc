#include "kernels/ref/broadcast.h"

namespace tercel::kernels {

BroadcastPlan::BroadcastPlan(const Shape& output, std::span<const Shape> inputs)
    : elements_(output.elements()), strides_(inputs.size()) {
  std::vector<Extents> wide(inputs.size());  // strides along the output's axes; 0 where an input repeats
  for (size_t k = 0; k < inputs.size(); ++k) {
    const auto strides = strides_of(inputs[k]);
    const int lead = output.rank() - inputs[k].rank();
    for (int i = std::max(0, -lead); i < inputs[k].rank(); ++i)
      wide[k][static_cast<size_t>(i + lead)] = inputs[k].size(i) == 1 ? 0 : strides[static_cast<size_t>(i)];
  }
  for (size_t axis = 0; axis < static_cast<size_t>(output.rank()); ++axis) {
    const int64_t extent = output.size(static_cast<int>(axis));
    if (extent == 1) continue;
    const auto last = static_cast<size_t>(rank_) - 1;  // only read when rank_ > 0
    const bool merges = rank_ > 0 && [&] {
      for (size_t k = 0; k < wide.size(); ++k)
        if (strides_[k][last] != wide[k][axis] * extent) return false;
      return true;
    }();
    const size_t target = merges ? last : static_cast<size_t>(rank_++);
    extents_[target] = merges ? extents_[target] * extent : extent;
    for (size_t k = 0; k < wide.size(); ++k) strides_[k][target] = wide[k][axis];
  }
  if (rank_ == 0) {
    rank_ = 1;
    extents_[0] = 1;
  }
}

}  // namespace tercel::kernels
