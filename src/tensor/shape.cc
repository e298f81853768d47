#include "tensor/shape.h"

namespace tercel {

namespace {

template <typename F>
Dim combine(Dim a, Dim b, F&& f) {
  if (!a.is_known() || !b.is_known()) return Dim::unknown();
  const std::optional<int64_t> result = f(a.size(), b.size());
  return result && *result >= 0 ? Dim(*result) : Dim::unknown();
}

}  // namespace

Dim operator+(Dim a, Dim b) {
  if (a == Dim(0)) return b;
  if (b == Dim(0)) return a;
  return combine(a, b, checked_add);
}

Dim operator-(Dim a, Dim b) {
  if (b == Dim(0)) return a;
  return combine(a, b, [](int64_t x, int64_t y) { return checked_add(x, -y); });
}

Dim operator*(Dim a, Dim b) {
  if (a == Dim(1)) return b;
  if (b == Dim(1)) return a;
  if (a == Dim(0) || b == Dim(0)) return Dim(0);
  return combine(a, b, checked_multiply);
}

Dim floor_divide(Dim a, int64_t b) {
  if (b == 1) return a;
  return a.is_known() ? Dim(a.size() / b) : Dim::unknown();
}

Dim ceil_divide(Dim a, int64_t b) {
  if (b == 1) return a;
  return a.is_known() ? Dim(a.size() / b + (a.size() % b != 0)) : Dim::unknown();
}

std::string to_string(const Shape& shape) {
  if (shape.rank() == 0) return "scalar";
  std::string text;
  for (int i = 0; i < shape.rank(); ++i) {
    if (i) text += 'x';
    text += shape[i].is_known() ? std::to_string(shape[i].size()) : "?";
  }
  return text;
}

Result<int64_t> checked_elements(const Shape& shape) {
  int64_t n = 1;
  bool empty = false;
  for (Dim d : shape.dims()) {
    if (!d.is_known()) return Error(ErrorCode::kInternal, "the shape " + to_string(shape) + " is not static");
    if (d.size() == 0) { empty = true; continue; }
    const auto product = checked_multiply(n, d.size());
    if (!product || *product > kElementsMax)
      return too_large("a tensor of shape " + to_string(shape) + " has more than " + std::to_string(kElementsMax) + " elements");
    n = *product;
  }
  return empty ? 0 : n;
}

Result<Shape> broadcast(const Shape& a, const Shape& b) {
  Shape out;
  const int rank = a.rank() > b.rank() ? a.rank() : b.rank();
  for (int i = 0; i < rank; ++i) {
    const int ia = i - (rank - a.rank()), ib = i - (rank - b.rank());
    const Dim x = ia < 0 ? Dim(1) : a[ia], y = ib < 0 ? Dim(1) : b[ib];
    if (x == Dim(1)) out.push_back(y);
    else if (y == Dim(1) || x.same_as(y)) out.push_back(x);
    else if (x.is_known() && y.is_known())
      return invalid("shapes " + to_string(a) + " and " + to_string(b) + " do not broadcast: " + std::to_string(x.size()) +
                     " against " + std::to_string(y.size()));
    else out.push_back(x.is_known() ? x : y.is_known() ? y : Dim::unknown());
  }
  return out;
}

std::array<int64_t, kRankMax> strides_of(const Shape& shape) {
  std::array<int64_t, kRankMax> strides{};
  int64_t step = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    strides[i] = step;
    step *= shape.size(i);
  }
  return strides;
}

Result<int> normalize_axis(int64_t axis, int rank, bool one_past) {
  const int64_t high = one_past ? rank : rank - 1;
  const int64_t low = one_past ? -rank - 1 : -rank;
  if (axis < low || axis > high)
    return invalid("axis " + std::to_string(axis) + " is outside " + std::to_string(low) + ".." + std::to_string(high) +
                   " for a tensor of rank " + std::to_string(rank));
  return static_cast<int>(axis < 0 ? axis + high + 1 : axis);
}

}  // namespace tercel
