#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/indexing.h"

namespace tercel::ops {

Result<UniqueView> unique_view(const Attributes& attributes, const Shape& shape) {
  if (!attributes.has("axis")) return UniqueView{1, shape.elements(), 1};
  if (shape.rank() == 0) return invalid("the Unique has an axis, but its input is a scalar");
  const int axis = TRY(axis_of(attributes, "axis", 0, shape.rank()));
  return UniqueView{shape.elements(0, axis), shape.size(axis), shape.elements(axis + 1, shape.rank())};
}

namespace {

// -1, 0, 1; NaNs are equal and last.
template <typename T>
int compare(T a, T b) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return compare(static_cast<float>(a), static_cast<float>(b));
  } else {
    if (a < b) return -1;
    if (b < a) return 1;
    if constexpr (std::is_floating_point_v<T>) return std::isnan(a) - std::isnan(b);
    return 0;
  }
}

template <typename T>
int compare_slices(const T* data, const UniqueView& v, int64_t a, int64_t b) {
  for (int64_t o = 0; o < v.outer; ++o) {
    for (int64_t k = 0; k < v.inner; ++k) {
      const int c = compare(data[(o * v.count + a) * v.inner + k], data[(o * v.count + b) * v.inner + k]);
      if (c != 0) return c;
    }
  }
  return 0;
}

}  // namespace

int64_t find_unique(DType dtype, const void* data, const UniqueView& view, bool sorted, std::span<int64_t> order,
                    std::span<int64_t> starts) {
  if (view.count == 0) return 0;
  return visit_dtype(dtype, [&]<typename T>() {
    const T* values = static_cast<const T*>(data);
    std::iota(order.begin(), order.end(), 0);
    // Neither std::sort nor the loops below allocate.
    std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      const int c = compare_slices(values, view, a, b);
      return c != 0 ? c < 0 : a < b;
    });
    if (!sorted) {
      // Name each slice by the first of its group, then sort by that name: `starts` holds the names meanwhile.
      int64_t first = order[0];
      for (size_t i = 0; i < order.size(); ++i) {
        if (compare_slices(values, view, first, order[i]) != 0) first = order[i];
        starts[static_cast<size_t>(order[i])] = first;
      }
      std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        const int64_t group_a = starts[static_cast<size_t>(a)], group_b = starts[static_cast<size_t>(b)];
        return group_a != group_b ? group_a < group_b : a < b;
      });
    }
    int64_t groups = 0;
    for (size_t i = 0; i < order.size(); ++i)
      if (i == 0 || compare_slices(values, view, order[i - 1], order[i]) != 0)
        starts[static_cast<size_t>(groups++)] = static_cast<int64_t>(i);
    return groups;
  });
}

}  // namespace tercel::ops
