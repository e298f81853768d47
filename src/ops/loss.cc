#include "ops/normalization_rules.h"
#include "ops/rules.h"

namespace tercel::ops {

namespace {

// scores [N, C, d...], labels [N, d...], optional weights [C]; the loss is a scalar, or has the labels' shape.
Result<void> infer_loss(InferContext& c) {
  TRY(want_type(c, 0, kFloatTypes));
  TRY(want_type(c, 1, kIndexTypes));
  TRY(want_rank(c, 0, 2));
  const Shape& x = c.shape(0);
  TRY(want_rank(c, 1, x.rank() - 1, x.rank() - 1));
  for (int i = 0; i < x.rank() - 1; ++i)
    TRY(unify(c.shape(1)[i], x[i == 0 ? 0 : i + 1], "the extents of the scores and the labels"));
  if (c.has(2)) {
    if (c.dtype(2) != c.dtype(0)) return invalid(describe(c, 2) + " must have the type of the scores");
    TRY(want_rank(c, 2, 1, 1));
    TRY(unify(c.shape(2)[0], x[1], "the classes and the weights"));
  }
  const std::string_view reduction = c.attributes().get_string("reduction", "mean");
  if (reduction != "none" && reduction != "mean" && reduction != "sum")
    return invalid("attribute 'reduction' must be none, mean or sum");
  return emit(c, 0, c.dtype(0), reduction == "none" ? c.shape(1) : Shape{});
}

}  // namespace

Result<void> infer_negative_log_likelihood(InferContext& c) { return infer_loss(c); }

Result<void> infer_softmax_cross_entropy(InferContext& c) {
  TRY(infer_loss(c));
  return emit(c, 1, c.dtype(0), c.shape(0));
}

}  // namespace tercel::ops
