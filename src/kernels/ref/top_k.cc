#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/ref/arithmetic.h"
#include "kernels/ref/indexing.h"

namespace tercel::kernels {

namespace {

// A NaN counts as larger than every number.
template <typename T>
bool is_less(T a, T b) {
  if constexpr (is_float_type<T>) {
    const double x = as_double(a), y = as_double(b);
    return std::isnan(y) ? !std::isnan(x) : x < y;
  } else {
    return a < b;
  }
}

// The k best of one line, best first, equal ones by position. `order` has room for `extent` indices.
template <typename T>
void top_of_line(const T* line, int64_t extent, int64_t stride, int64_t k, bool largest, T* values, int64_t* indices,
                 int64_t* order) {
  std::iota(order, order + extent, 0);
  std::partial_sort(order, order + k, order + extent, [&](int64_t a, int64_t b) {
    const T x = line[a * stride], y = line[b * stride];
    if (largest ? is_less(y, x) : is_less(x, y)) return true;
    if (largest ? is_less(x, y) : is_less(y, x)) return false;
    return a < b;
  });
  for (int64_t i = 0; i < k; ++i) {
    if (values) values[i * stride] = line[order[i] * stride];
    if (indices) indices[i * stride] = order[i];
  }
}

}  // namespace

Result<Kernel> bind_top_k(const StepContext& c) {
  const Shape& shape = c.in(0).shape;
  const int axis = TRY(ops::axis_of(c.attributes, "axis", -1, shape.rank()));
  const int64_t extent = shape.size(axis), k = c.out().shape.size(axis);
  if (k > extent) return invalid("K of the TopK is larger than the extent of its axis");
  const int64_t outer = shape.elements(0, axis), inner = shape.elements(axis + 1, shape.rank());
  const bool largest = c.attributes.get_int("largest", 1) != 0;
  const auto run = [=, dtype = c.in(0).dtype](const Buffers& b) {
    visit_dtype(dtype, [&]<typename T>() {
      for (int64_t line = 0; line < outer * inner; ++line) {
        const int64_t from = line / inner * extent * inner + line % inner, to = line / inner * k * inner + line % inner;
        top_of_line(b.in<T>(0) + from, extent, inner, k, largest, b.out<T>(0) ? b.out<T>(0) + to : nullptr,
                    b.out<int64_t>(1) ? b.out<int64_t>(1) + to : nullptr, reinterpret_cast<int64_t*>(b.scratch));
      }
    });
  };
  return Kernel(run, static_cast<size_t>(extent) * sizeof(int64_t));
}

}  // namespace tercel::kernels
