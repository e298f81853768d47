// Operators that walk along one axis: ArgMax, ArgMin, CumSum, CumProd.
#include "kernels/ref/reduction_binds.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/strided_index.h"

namespace tercel::kernels {

namespace {

// NaN counts as the extreme, the first one found.
template <bool Largest>
Result<Kernel> bind_arg(const StepContext& c) {
  const Shape& x = c.in(0).shape;
  const int axis = TRY(normalize_axis(c.attributes.get_int("axis", 0), x.rank()));
  const bool last = c.attributes.get_int("select_last_index", 0) != 0;
  return visit_wide(c.in(0).dtype, [&]<typename W>() {
    return Kernel([last, plan = ReducePlan(x, 1u << axis), type = c.in(0).dtype](const Buffers& buffers) {
      for_row_chunks(*buffers.workers, plan.kept.elements(), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          W best{};
          int64_t found = -1, position = 0;
          for_each_wide<W>(plan.reduced, type, buffers.inputs[0], plan.kept.offset(i), [&](W value) {
            const bool better = is_nan(best) ? false : is_nan(value) || (Largest ? best < value : value < best);
            if (found < 0 || better || (last && value == best)) {
              best = value;
              found = position;
            }
            ++position;
          });
          buffers.out<int64_t>()[i] = found;
        }
      });
    });
  });
}

// The axis is read while running; -1 is an axis outside the tensor.
int axis_at_run(DType type, const void* data, int rank) {
  const auto axis = load_one<int64_t>(type, data, 0);
  if (axis < -rank || axis >= rank) return -1;
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

template <bool Product>
Result<Kernel> bind_cumulative(const StepContext& c) {
  const Shape x = c.in(0).shape;
  if (const Tensor* axis = c.constant(1)) TRY(normalize_axis(element_as_int(axis->dtype(), axis->data(), 0), x.rank()));
  const bool exclusive = c.attributes.get_int("exclusive", 0) != 0, reverse = c.attributes.get_int("reverse", 0) != 0;
  return visit_wide(c.in(0).dtype, [&]<typename W>() {
    return Kernel([=, type = c.in(0).dtype, axis_type = c.in(1).dtype](const Buffers& buffers) {
      const int axis = axis_at_run(axis_type, buffers.inputs[1], x.rank());
      // There is nobody to tell while running: an axis that the tensor lacks scans nothing and copies the input.
      const int64_t extent = axis < 0 ? 1 : x.size(axis), inner = axis < 0 ? 1 : x.elements(axis + 1, x.rank());
      if (extent == 0) return;
      const int64_t lines = x.elements() / extent;
      for_row_chunks(*buffers.workers, lines, [&](int64_t begin, int64_t end) {
        for (int64_t line = begin; line < end; ++line) {
          const int64_t start = line / inner * extent * inner + line % inner;
          auto total = static_cast<Wrapping<W>>(Product ? 1 : 0);
          for (int64_t i = 0; i < extent; ++i) {
            const int64_t at = start + (reverse ? extent - 1 - i : i) * inner;
            const auto value = static_cast<Wrapping<W>>(load_one<W>(type, buffers.inputs[0], at));
            const auto next = Product ? total * value : total + value;
            store_one(type, buffers.outputs[0], at, static_cast<W>(exclusive && axis >= 0 ? total : next));
            total = next;
          }
        }
      });
    });
  });
}

}  // namespace

Result<Kernel> bind_arg_max(const StepContext& c) { return bind_arg<true>(c); }
Result<Kernel> bind_arg_min(const StepContext& c) { return bind_arg<false>(c); }
Result<Kernel> bind_cum_sum(const StepContext& c) { return bind_cumulative<false>(c); }
Result<Kernel> bind_cum_prod(const StepContext& c) { return bind_cumulative<true>(c); }

}  // namespace tercel::kernels
