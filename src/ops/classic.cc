// What the operators of ai.onnx.ml become where ai.onnx has no words for them: forest.h, scores.h, and
//
// tercel.Lookup  X of any numeric type, keys [K] of X's type in rising order (NaN last), values [K], default [1] of the
//                values' type -> Y of X's shape: the value of the key that equals each element (NaN equals NaN), or the default.
#include "ops/forest.h"
#include "ops/registry.h"
#include "ops/rules.h"
#include "ops/scores.h"

namespace tercel::ops {

namespace {

constexpr TypeSet kRealTypes = type_set({DType::kFloat32, DType::kFloat64});
constexpr TypeSet kInt32 = type_set({DType::kInt32}), kInt64 = type_set({DType::kInt64}), kFloat32 = type_set({DType::kFloat32});

Result<void> want_vector(const InferContext& c, size_t input, TypeSet types) {
  TRY(want_type(c, input, types));
  return want_rank(c, input, 1, 1);
}

Result<void> infer_tree_ensemble(InferContext& c) {
  TRY(want_inputs(c, 7));
  TRY(want_type(c, 0, kRealTypes));
  TRY(want_rank(c, 0, 2, 2));
  TRY(want_type(c, 1, kInt32));
  TRY(want_rank(c, 1, 2, 2));
  for (size_t i : {3, 4, 5}) TRY(want_vector(c, i, kInt32));
  for (size_t i : {2, 6, 7}) {
    if (!c.has(i)) continue;
    if (c.dtype(i) != c.dtype(0)) return invalid(describe(c, i) + " must have the type of X");
    TRY(want_rank(c, i, 1, 1));
  }
  const int64_t targets = TRY(need_int(c.attributes(), "targets"));
  if (targets < 1 || targets > kTargetsMax) return invalid("targets must be 1 to " + std::to_string(kTargetsMax));
  TRY(aggregate_of(c.attributes()));
  TRY(unify(c.shape(1)[1], Dim(4), "the columns of splits and 4"));
  TRY(unify(c.shape(1)[0], c.shape(2)[0], "the counts of splits and thresholds"));
  TRY(unify(c.shape(5)[0], c.shape(6)[0], "the counts of leaf targets and leaf weights"));
  if (c.has(7)) TRY(unify(c.shape(7)[0], Dim(targets), "the counts of base values and targets"));
  for (int i = 1; i <= 6; ++i)
    if (const Dim n = c.shape(static_cast<size_t>(i))[0]; n.is_known() && n.size() > kForestNodesMax)
      return too_large("the ensemble has more than " + std::to_string(kForestNodesMax) + " nodes");
  if (const Dim starts = c.shape(4)[0]; starts.is_known() && starts.size() < 1) return invalid("leaf_starts is empty");
  TRY(emit(c, 0, c.dtype(0), {c.shape(0)[0], Dim(targets)}));
  // Kernels check the tables once, when they are bound.
  for (size_t i = 1; i < c.input_count(); ++i)
    if (c.has(i)) TRY(c.need_value(i));
  return {};
}

// One comparison a level; a balanced tree of the average size has this many.
double flops_tree_ensemble(const Attributes&, std::span<const TensorType> inputs, std::span<const TensorType>) {
  const auto trees = static_cast<double>(inputs[3].shape.elements()), splits = static_cast<double>(inputs[2].shape.elements());
  double depth = 1;
  for (double leaves = splits / (trees + 1) + 1; leaves > 2; leaves /= 2) ++depth;
  return static_cast<double>(inputs[0].shape.size(0)) * trees * depth;
}

Result<void> infer_post_transform(InferContext& c) {
  TRY(post_transform_of(c.attributes()));
  TRY(want_type(c, 0, kRealTypes));
  TRY(want_rank(c, 0, 2, 2));
  return emit(c, 0, c.dtype(0), c.shape(0));
}

Result<void> infer_class_scores(InferContext& c) {
  TRY(want_inputs(c, 2));
  TRY(post_transform_of(c.attributes()));
  const bool pair = TRY(pair_rule_of(c.attributes())) != PairRule::kNone;
  TRY(want_type(c, 0, kRealTypes));
  TRY(want_rank(c, 0, 2, 2));
  TRY(want_vector(c, 1, kInt64));
  const Dim classes = c.shape(1)[0];
  TRY(unify(classes, pair ? Dim(2) : c.shape(0)[1], "the counts of labels and classes"));
  if (pair) TRY(unify(c.shape(0)[1], Dim(1), "the sums of two classes and 1"));
  if (classes.is_known() && (classes.size() < 1 || classes.size() > kTargetsMax))
    return invalid("the labels must be 1 to " + std::to_string(kTargetsMax));
  TRY(emit(c, 0, DType::kInt64, {c.shape(0)[0]}));
  return emit(c, 1, DType::kFloat32, {c.shape(0)[0], classes});
}

Result<void> infer_pairwise_scores(InferContext& c) {
  TRY(want_inputs(c, 2));
  TRY(post_transform_of(c.attributes()));
  TRY(want_type(c, 0, kFloat32));
  TRY(want_rank(c, 0, 2, 2));
  TRY(want_vector(c, 1, kInt64));
  if (c.has(2) != c.has(3)) return invalid("prob_a and prob_b come together");
  const Dim classes = c.shape(1)[0], pairs = c.shape(0)[1];
  if (!classes.is_known()) return invalid("the number of labels must be known");
  if (classes.size() < 2 || classes.size() > kClassesOfPairsMax)
    return invalid("the labels must be 2 to " + std::to_string(kClassesOfPairsMax));
  TRY(unify(pairs, Dim(classes.size() * (classes.size() - 1) / 2), "the decisions and the pairs of classes"));
  for (size_t i : {2, 3}) {
    if (!c.has(i)) continue;
    TRY(want_vector(c, i, kFloat32));
    TRY(unify(c.shape(i)[0], pairs, "the parameters of the probabilities and the pairs of classes"));
  }
  TRY(emit(c, 0, DType::kInt64, {c.shape(0)[0]}));
  return emit(c, 1, DType::kFloat32, {c.shape(0)[0], c.has(2) || classes.size() == 2 ? classes : pairs});
}

Result<void> infer_lookup(InferContext& c) {
  TRY(want_inputs(c, 4));
  TRY(want_type(c, 0, kNumericTypes));
  TRY(want_same_dtype(c, 0, 1));
  TRY(want_same_dtype(c, 2, 3));
  TRY(want_type(c, 2, kNumericTypes));
  for (size_t i : {1, 2, 3}) TRY(want_rank(c, i, 1, 1));
  TRY(unify(c.shape(1)[0], c.shape(2)[0], "the counts of keys and values"));
  TRY(want_one_element(c, 3));
  return emit(c, 0, c.dtype(2), c.shape(0));
}

constexpr OpDef kOps[] = {
    {"tercel.ClassScores", 2, 2, 1, 2, infer_class_scores},
    {"tercel.Lookup", 4, 4, 1, 1, infer_lookup},
    {"tercel.PairwiseScores", 2, 4, 1, 2, infer_pairwise_scores},
    {"tercel.PostTransform", 1, 1, 1, 1, infer_post_transform},
    {"tercel.TreeEnsemble", 7, 8, 1, 1, infer_tree_ensemble, flops_tree_ensemble},
};

}  // namespace

std::span<const OpDef> classic_ops() { return kOps; }

}  // namespace tercel::ops
