#include <cmath>

#include "kernels/families.h"
#include "kernels/ref/reduction_binds.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/strided_index.h"

namespace tercel::kernels {

Result<ops::AxisSet> reduced_axes_of(const StepContext& c) {
  const int rank = c.in(0).shape.rank();
  if (!c.has(1)) return ops::reduced_axes(c.attributes, {}, rank);
  const Tensor* axes = c.constant(1);
  if (!axes) return Error(ErrorCode::kNeedsValue, "the axes must be known when the step is bound");
  return ops::reduced_axes(c.attributes, as_ints(*axes), rank);
}

namespace {

// What each reduction does with its values; `for_each(visit)` may be walked more than once.
constexpr auto sum = [](auto zero, auto&& for_each, int64_t) {
  using W = decltype(zero);
  Wrapping<W> sum = 0;
  for_each([&](W value) { sum += static_cast<decltype(sum)>(value); });
  return static_cast<W>(sum);
};
constexpr auto product = [](auto zero, auto&& for_each, int64_t) {
  using W = decltype(zero);
  Wrapping<W> product = 1;
  for_each([&](W value) { product *= static_cast<decltype(product)>(value); });
  return static_cast<W>(product);
};
constexpr auto l1 = [](auto zero, auto&& for_each, int64_t) {
  using W = decltype(zero);
  Wrapping<W> sum = 0;
  for_each([&](W value) {
    const auto wrapping = static_cast<Wrapping<W>>(value);
    sum += value < 0 ? 0 - wrapping : wrapping;
  });
  return static_cast<W>(sum);
};
constexpr auto sum_square = [](auto zero, auto&& for_each, int64_t) {
  using W = decltype(zero);
  Wrapping<W> sum = 0;
  for_each([&](W value) { sum += static_cast<decltype(sum)>(value) * static_cast<decltype(sum)>(value); });
  return static_cast<W>(sum);
};
// These are computed in double for integers too.
constexpr auto mean = [](double zero, auto&& for_each, int64_t count) {
  return sum(zero, for_each, count) / static_cast<double>(count);
};
constexpr auto l2 = [](double zero, auto&& for_each, int64_t count) { return std::sqrt(sum_square(zero, for_each, count)); };
constexpr auto log_sum = [](double zero, auto&& for_each, int64_t count) { return std::log(sum(zero, for_each, count)); };
constexpr auto log_sum_exp = [](double, auto&& for_each, int64_t) {
  double largest = -std::numeric_limits<double>::infinity(), total = 0;
  for_each([&](double value) { largest = std::fmax(largest, value); });
  if (std::isinf(largest)) largest = 0;  // infinities must not meet in a difference
  for_each([&](double value) { total += std::exp(value - largest); });
  return largest + std::log(total);
};

template <typename W, typename F>
Kernel reduce_kernel(const StepContext& c, ops::AxisSet axes, F f) {
  return Kernel([f, plan = ReducePlan(c.in(0).shape, axes), type = c.in(0).dtype](const Buffers& buffers) {
    for_row_chunks(*buffers.workers, plan.kept.elements(), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t start = plan.kept.offset(i);
        const auto for_each = [&](auto&& visit) { for_each_wide<W>(plan.reduced, type, buffers.inputs[0], start, visit); };
        store_one(type, buffers.outputs[0], i, f(W{0}, for_each, plan.reduced.elements()));
      }
    });
  });
}

template <auto F>
Result<Kernel> bind_reduce(const StepContext& c) {
  const ops::AxisSet axes = TRY(reduced_axes_of(c));
  return visit_wide(c.in(0).dtype, [&]<typename W>() { return reduce_kernel<W>(c, axes, F); });
}

template <auto F>
Result<Kernel> bind_reduce_double(const StepContext& c) {
  return reduce_kernel<double>(c, TRY(reduced_axes_of(c)), F);
}

// The first value of an empty reduction, and the first that any other beats: minus infinity, or the type's lowest.
template <typename W>
W extreme_of(DType dtype, bool highest) {
  return visit_dtype(dtype, [&]<typename T>() -> W {
    if constexpr (is_wide_float<W>) return highest ? std::numeric_limits<W>::infinity() : -std::numeric_limits<W>::infinity();
    else return convert<W>(highest ? std::numeric_limits<T>::max() : std::numeric_limits<T>::lowest());
  });
}

template <bool Largest>
Result<Kernel> bind_extreme(const StepContext& c) {
  const ops::AxisSet axes = TRY(reduced_axes_of(c));
  return visit_wide(c.in(0).dtype, [&]<typename W>() {
    return reduce_kernel<W>(c, axes, [first = extreme_of<W>(c.in(0).dtype, !Largest)](W, auto&& for_each, int64_t) {
      W best = first;
      for_each([&](W value) {
        if ((Largest ? best < value : value < best) || is_nan(value)) best = value;
      });
      return best;
    });
  });
}

constexpr KernelRow row(std::string_view op, std::string_view name, Result<Kernel> (*bind)(const StepContext&),
                        bool in_place = false) {
  return {op, name, platform::kPortable, nullptr, bind, nullptr, in_place};
}

constexpr KernelRow kRows[] = {
    row("ArgMax", "argmax/ref", bind_arg_max),
    row("ArgMin", "argmin/ref", bind_arg_min),
    row("BatchNormalization", "batchnormalization/ref", bind_batch_normalization, true),
    row("CumProd", "cumprod/ref", bind_cum_prod),
    row("CumSum", "cumsum/ref", bind_cum_sum),
    row("GroupNormalization", "groupnormalization/ref", bind_group_normalization),
    row("Hardmax", "hardmax/ref", bind_hardmax),
    row("InstanceNormalization", "instancenormalization/ref", bind_instance_normalization),
    row("LRN", "lrn/ref", bind_lrn),
    row("LayerNormalization", "layernormalization/ref", bind_layer_normalization),
    row("LogSoftmax", "logsoftmax/ref", bind_log_softmax),
    row("LpNormalization", "lpnormalization/ref", bind_lp_normalization),
    row("MeanVarianceNormalization", "meanvariancenormalization/ref", bind_mean_variance_normalization),
    row("NegativeLogLikelihoodLoss", "negativeloglikelihoodloss/ref", bind_negative_log_likelihood),
    row("RMSNormalization", "rmsnormalization/ref", bind_rms_normalization),
    row("ReduceL1", "reducel1/ref", bind_reduce<l1>),
    row("ReduceL2", "reducel2/ref", bind_reduce_double<l2>),
    row("ReduceLogSum", "reducelogsum/ref", bind_reduce_double<log_sum>),
    row("ReduceLogSumExp", "reducelogsumexp/ref", bind_reduce_double<log_sum_exp>),
    row("ReduceMax", "reducemax/ref", bind_extreme<true>),
    row("ReduceMean", "reducemean/ref", bind_reduce_double<mean>),
    row("ReduceMin", "reducemin/ref", bind_extreme<false>),
    row("ReduceProd", "reduceprod/ref", bind_reduce<product>),
    row("ReduceSum", "reducesum/ref", bind_reduce<sum>),
    row("ReduceSumSquare", "reducesumsquare/ref", bind_reduce<sum_square>),
    row("Softmax", "softmax/ref", bind_softmax),
    row("SoftmaxCrossEntropyLoss", "softmaxcrossentropyloss/ref", bind_softmax_cross_entropy),
};

}  // namespace

std::span<const KernelRow> ref_reduction_rows() { return kRows; }

}  // namespace tercel::kernels
