#include "ops/axes.h"
#include "ops/normalization_rules.h"
#include "ops/registry.h"
#include "ops/rules.h"

namespace tercel::ops {

namespace {

constexpr TypeSet kReduceTypes = kNumericTypes;

Result<std::vector<int64_t>> axes_input(const InferContext& c) {
  if (!c.has(1)) return std::vector<int64_t>();
  return parameter_ints(c, 1, "axes");
}

template <TypeSet Allowed>
Result<void> infer_reduce(InferContext& c) {
  TRY(want_type(c, 0, Allowed));
  const Shape& x = c.shape(0);
  const bool keep = c.attributes().get_int("keepdims", 1) != 0;
  auto axes = axes_input(c);
  if (!axes && axes.error().code() == ErrorCode::kNeedsValue && keep) {  // the rank is certain, the extents are not
    const std::vector<Dim> unknown(static_cast<size_t>(x.rank()), Dim::unknown());
    return needs_value(c, 0, c.dtype(0), unknown, 1);
  }
  const AxisSet set = TRY(reduced_axes(c.attributes(), TRY(axes), x.rank()));
  return emit(c, 0, c.dtype(0), reduced_shape(x, set, keep));
}

// The product of known extents: how models flatten.
Result<void> infer_reduce_prod(InferContext& c) {
  TRY(infer_reduce<kReduceTypes>(c));
  const auto dims = tracked_dims(c, 0);
  const Shape& out = c.outputs()[0].type.shape;
  if (!dims || c.shape(0).rank() != 1 || (out.rank() == 1 && !(out[0] == Dim(1))) || !contains(kIndexTypes, c.dtype(0)))
    return {};
  auto axes = axes_input(c);
  if (TRY(reduced_axes(c.attributes(), TRY(axes), 1)) == 0) return {};
  Dim product(1);
  for (Dim d : *dims) product = product * d;
  c.set_output_dims(0, {product});
  return {};
}

Result<void> infer_arg(InferContext& c) {
  TRY(want_type(c, 0, kNumericTypes));
  TRY(want_rank(c, 0, 1));
  const Shape& x = c.shape(0);
  const int axis = TRY(axis_of(c.attributes(), "axis", 0, x.rank()));
  if (x[axis] == Dim(0)) return invalid("the axis that is searched has no element");
  return emit(c, 0, DType::kInt64, reduced_shape(x, 1u << axis, c.attributes().get_int("keepdims", 1) != 0));
}

Result<void> infer_cumulative(InferContext& c) {
  TRY(want_rank(c, 0, 1));
  TRY(want_type(c, 1, kIndexTypes));
  TRY(want_one_element(c, 1));
  if (const Tensor* axis = c.value(1)) {
    if (axis->elements() != 1) return invalid("the axis must be one integer");
    TRY(normalize_axis(element_as_int(axis->dtype(), axis->data(), 0), c.shape(0).rank()));
  }
  return infer_same<kNumericTypes>(c);
}

constexpr OpDef kOps[] = {
    {"ArgMax", 1, 1, 1, 1, infer_arg},
    {"ArgMin", 1, 1, 1, 1, infer_arg},
    {"BatchNormalization", 5, 5, 1, 3, infer_batch_normalization},
    {"CumProd", 2, 2, 1, 1, infer_cumulative},
    {"CumSum", 2, 2, 1, 1, infer_cumulative},
    {"GroupNormalization", 3, 3, 1, 1, infer_group_normalization},
    {"Hardmax", 1, 1, 1, 1, infer_along_axis},
    {"InstanceNormalization", 3, 3, 1, 1, infer_instance_normalization},
    {"LRN", 1, 1, 1, 1, infer_lrn},
    {"LayerNormalization", 2, 3, 1, 3, infer_layer_normalization},
    {"LogSoftmax", 1, 1, 1, 1, infer_along_axis},
    {"LpNormalization", 1, 1, 1, 1, infer_along_axis},
    {"MeanVarianceNormalization", 1, 1, 1, 1, infer_mean_variance_normalization},
    {"NegativeLogLikelihoodLoss", 2, 3, 1, 1, infer_negative_log_likelihood},
    {"RMSNormalization", 2, 2, 1, 1, infer_rms_normalization},
    {"ReduceL1", 1, 2, 1, 1, infer_reduce<kReduceTypes>},
    {"ReduceL2", 1, 2, 1, 1, infer_reduce<kReduceTypes>},
    {"ReduceLogSum", 1, 2, 1, 1, infer_reduce<kReduceTypes>},
    {"ReduceLogSumExp", 1, 2, 1, 1, infer_reduce<kReduceTypes>},
    {"ReduceMax", 1, 2, 1, 1, infer_reduce<kReduceTypes | kBoolType>},
    {"ReduceMean", 1, 2, 1, 1, infer_reduce<kReduceTypes>},
    {"ReduceMin", 1, 2, 1, 1, infer_reduce<kReduceTypes | kBoolType>},
    {"ReduceProd", 1, 2, 1, 1, infer_reduce_prod},
    {"ReduceSum", 1, 2, 1, 1, infer_reduce<kReduceTypes>},
    {"ReduceSumSquare", 1, 2, 1, 1, infer_reduce<kReduceTypes>},
    {"Softmax", 1, 1, 1, 1, infer_along_axis},
    {"SoftmaxCrossEntropyLoss", 2, 3, 1, 2, infer_softmax_cross_entropy},
};

}  // namespace

std::span<const OpDef> reduction_ops() { return kOps; }

}  // namespace tercel::ops
