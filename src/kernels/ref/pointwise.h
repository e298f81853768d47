#pragma once

#include <array>
#include <utility>
#include <vector>

#include "kernels/kernel.h"
#include "kernels/ref/broadcast.h"
#include "kernels/ref/wide.h"

// Reference kernels that compute element i of the output from elements i of their inputs. An operator is a function of
// wide values (wide.h) and one row of a table.
namespace tercel::kernels {

inline std::vector<Shape> input_shapes(const StepContext& c, size_t count) {
  std::vector<Shape> shapes;
  for (size_t k = 0; k < count; ++k) shapes.push_back(c.in(k).shape);
  return shapes;
}

template <typename W, typename F, typename Indices>
struct WideResultOf;
template <typename W, typename F, size_t... k>
struct WideResultOf<W, F, std::index_sequence<k...>> {
  template <size_t>
  using Argument = W;
  using type = std::invoke_result_t<F, Argument<k>...>;
};
template <typename W, typename F, typename Indices>
using WideResult = typename WideResultOf<W, F, Indices>::type;

// A kernel that computes output = f(inputs...), of N inputs widened to W; f may return another wide type.
template <typename W, size_t N, typename F>
Kernel pointwise(const StepContext& c, F f) {
  using Out = WideResult<W, F, std::make_index_sequence<N>>;
  std::array<DType, N> types;
  for (size_t k = 0; k < N; ++k) types[k] = c.in(k).dtype;
  return Kernel(
      [f, types, out_type = c.out().dtype, plan = BroadcastPlan(c.out().shape, input_shapes(c, N))](const Buffers& buffers) {
        W in[N][kWideBlock];
        Out out[kWideBlock];
        plan.for_each_run(kWideBlock, [&](int64_t start, int64_t n) {
          for (size_t k = 0; k < N; ++k) load_wide(types[k], buffers.inputs[k], plan.offset(k, start), plan.step(k), n, in[k]);
          [&]<size_t... k>(std::index_sequence<k...>) {
            for (int64_t i = 0; i < n; ++i) out[i] = f(in[k][i]...);
          }
          (std::make_index_sequence<N>());
          store_wide(out_type, buffers.outputs[0], start, 1, n, out);
        });
      });
}

// The forms of an operator that fit a row of a kernel table; F is a lambda without captures.

// F(W...): in the wide type of the inputs (of input `Typed`).
template <size_t N, auto F, size_t Typed = 0>
Result<Kernel> bind_numeric(const StepContext& c) {
  return visit_wide(c.in(Typed).dtype, [&]<typename W>() { return pointwise<W, N>(c, F); });
}

// F(double): floats only.
template <auto F>
Result<Kernel> bind_float(const StepContext& c) {
  return pointwise<double, 1>(c, F);
}

// F(attributes) gives the function of a double.
template <auto F>
Result<Kernel> bind_float_from(const StepContext& c) {
  return pointwise<double, 1>(c, F(c.attributes));
}

// F(W, W) over any number of inputs, from the left; then Finish(W, count).
inline constexpr auto kKeepSum = [](auto sum, size_t) { return sum; };
template <auto F, auto Finish = kKeepSum>
Result<Kernel> bind_fold(const StepContext& c) {
  return visit_wide(c.in(0).dtype, [&]<typename W>() {
    return Kernel(
        [type = c.in(0).dtype, plan = BroadcastPlan(c.out().shape, input_shapes(c, c.inputs.size()))](const Buffers& buffers) {
          W out[kWideBlock], next[kWideBlock];
          plan.for_each_run(kWideBlock, [&](int64_t start, int64_t n) {
            load_wide(type, buffers.inputs[0], plan.offset(0, start), plan.step(0), n, out);
            for (size_t k = 1; k < plan.inputs(); ++k) {
              load_wide(type, buffers.inputs[k], plan.offset(k, start), plan.step(k), n, next);
              for (int64_t i = 0; i < n; ++i) out[i] = F(out[i], next[i]);
            }
            for (int64_t i = 0; i < n; ++i) out[i] = Finish(out[i], plan.inputs());
            store_wide(type, buffers.outputs[0], start, 1, n, out);
          });
        });
  });
}

constexpr KernelRow pointwise_row(std::string_view op, std::string_view name, Result<Kernel> (*bind)(const StepContext&)) {
  return {op, name, platform::kPortable, nullptr, bind, nullptr, true};
}

}  // namespace tercel::kernels
