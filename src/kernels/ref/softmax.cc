#include <cmath>

#include "kernels/ref/reduction_binds.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/strided_index.h"

namespace tercel::kernels {

namespace {

// A kernel that replaces every line along one axis: f(line) with line.for_each(visit) and line.store(function of the value
// and its position).
struct Line {
  const StridedIndex& index;
  DType type;
  const void* in;
  void* out;
  int64_t start;

  template <typename F>
  void for_each(F&& visit) const {
    for_each_wide<double>(index, type, in, start, visit);
  }
  template <typename F>
  void store(F&& f) const {
    transform_wide(index, type, in, type, out, start, f);
  }
};

template <typename F>
Result<Kernel> line_kernel(const StepContext& c, F f) {
  const Shape& shape = c.in(0).shape;
  const int axis = TRY(normalize_axis(c.attributes.get_int("axis", -1), shape.rank()));
  return Kernel([f, plan = ReducePlan(shape, 1u << axis), type = c.in(0).dtype](const Buffers& buffers) {
    if (plan.reduced.elements() == 0) return;
    for_row_chunks(*buffers.workers, plan.kept.elements(), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        f(Line{plan.reduced, type, buffers.inputs[0], buffers.outputs[0], plan.kept.offset(i)});
    });
  });
}

struct Exponentials {
  double largest, sum;
};
Exponentials exponentials_of(const Line& line) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  line.for_each([&](double x) {
    if (largest < x || std::isnan(x)) largest = x;
  });
  line.for_each([&](double x) { sum += std::exp(x - largest); });
  return {largest, sum};
}

}  // namespace

Result<Kernel> bind_softmax(const StepContext& c) {
  return line_kernel(c, [](const Line& line) {
    const auto [largest, sum] = exponentials_of(line);
    line.store([largest = largest, sum = sum](double x, int64_t) { return std::exp(x - largest) / sum; });
  });
}

Result<Kernel> bind_log_softmax(const StepContext& c) {
  return line_kernel(c, [](const Line& line) {
    const auto [largest, sum] = exponentials_of(line);
    line.store([largest = largest, sum = sum](double x, int64_t) { return x - largest - std::log(sum); });
  });
}

// One at the first largest element.
Result<Kernel> bind_hardmax(const StepContext& c) {
  return line_kernel(c, [](const Line& line) {
    double largest = 0;
    int64_t found = -1, position = 0;
    line.for_each([&](double x) {
      if (found < 0 || largest < x || (std::isnan(x) && !std::isnan(largest))) {
        largest = x;
        found = position;
      }
      ++position;
    });
    line.store([&](double, int64_t at) { return at == found ? 1.0 : 0.0; });
  });
}

// A line of zeros stays zeros.
Result<Kernel> bind_lp_normalization(const StepContext& c) {
  const bool absolute = c.attributes.get_int("p", 2) == 1;
  return line_kernel(c, [absolute](const Line& line) {
    double sum = 0;
    line.for_each([&](double x) { sum += absolute ? std::fabs(x) : x * x; });
    const double norm = absolute ? sum : std::sqrt(sum);
    line.store([&](double x, int64_t) { return norm == 0 ? 0.0 : x / norm; });
  });
}

}  // namespace tercel::kernels
