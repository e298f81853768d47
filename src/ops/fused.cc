#include "ops/fused.h"

#include "ops/activation.h"
#include "ops/elementwise_program.h"
#include "ops/matrix_rules.h"
#include "ops/registry.h"
#include "ops/rules.h"

namespace tercel::ops {

namespace {

constexpr TypeSet kFloat32 = type_set({DType::kFloat32});

void swap_last_two(Shape& shape) {
  const int rank = shape.rank();
  if (rank >= 2) std::swap(shape[rank - 2], shape[rank - 1]);
}

Result<void> want_same_shape(const InferContext& c, size_t input, const Shape& shape) {
  if (!c.has(input)) return {};
  bool same = c.shape(input).rank() == shape.rank();
  for (int i = 0; same && i < shape.rank(); ++i) same = may_equal(c.shape(input)[i], shape[i]);
  if (same) return {};
  return invalid(describe(c, input) + " must have the shape " + to_string(shape));
}

Result<void> want_vector(const InferContext& c, size_t input, Dim extent, std::string_view what) {
  if (!c.has(input)) return {};
  TRY(want_rank(c, input, 1, 1));
  TRY(unify(c.shape(input)[0], extent, what));
  return {};
}

Result<void> infer_dense(InferContext& c) {
  TRY(want_type(c, 0, kFloatTypes));
  TRY(want_same_dtype(c, 0, 3));
  TRY(want_rank(c, 0, 1));
  TRY(want_rank(c, 1, 2, 2));
  TRY(activation_of(c.attributes()));
  const bool transposed = c.attributes().get_int("transB", 0) != 0;
  const Dim k = c.shape(1)[transposed ? 1 : 0], n = c.shape(1)[transposed ? 0 : 1];
  Shape out = c.shape(0);
  TRY(unify(out[out.rank() - 1], k, "the inner extents of X and W"));
  out[out.rank() - 1] = n;
  TRY(want_vector(c, 2, n, "the extents of W and the bias"));
  TRY(want_same_shape(c, 3, out));
  return emit(c, 0, c.dtype(0), out);
}

Result<void> infer_scaled_matmul(InferContext& c) {
  TRY(want_type(c, 0, kFloatTypes));
  TRY(want_same_dtype(c, 0, 1));
  Shape a = c.shape(0), b = c.shape(1);
  if (c.attributes().get_int("transA", 0)) swap_last_two(a);
  if (c.attributes().get_int("transB", 0)) swap_last_two(b);
  return emit(c, 0, c.dtype(0), TRY(matmul_shape(a, b)));
}

Result<void> want_heads(Dim hidden, int64_t heads, std::string_view what) {
  if (!hidden.is_known() || hidden.size() % heads == 0) return {};
  return invalid(std::string(what) + " has " + std::to_string(hidden.size()) +
                 " columns, which num_heads = " + std::to_string(heads) + " does not divide");
}

Result<void> infer_attention(InferContext& c) {
  TRY(want_type(c, 0, kFloatTypes));
  TRY(want_same_dtype(c, 0, 3));
  for (size_t i : {0, 1, 2}) TRY(want_rank(c, i, 3, 3));
  const int64_t heads = TRY(need_int(c.attributes(), "num_heads"));
  if (heads < 1) return invalid("attribute 'num_heads' must be at least 1");
  if (!c.attributes().get<float>("scale")) return invalid("attribute 'scale' (a float) is missing");
  const Shape &q = c.shape(0), &k = c.shape(1), &v = c.shape(2);
  const Dim batch = TRY(unify(TRY(unify(q[0], k[0], "the batches of Q and K")), v[0], "the batches of K and V"));
  TRY(unify(q[2], k[2], "the widths of Q and K"));
  const Dim total = TRY(unify(k[1], v[1], "the lengths of K and V"));
  TRY(want_heads(q[2], heads, "Q"));
  TRY(want_heads(v[2], heads, "V"));
  if (c.has(3)) {
    const Shape scores{batch, Dim(heads), q[1], total};
    TRY(want_rank(c, 3, 0, 4));
    const Shape wide = TRY(broadcast(c.shape(3), scores));
    for (int i = 0; i < 4; ++i)
      if (!may_equal(wide[i], scores[i]))
        return invalid("the mask " + to_string(c.shape(3)) + " does not broadcast to " + to_string(scores));
  }
  return emit(c, 0, c.dtype(0), Shape{batch, q[1], v[2]});
}

double flops_attention(const Attributes&, std::span<const TensorType> inputs, std::span<const TensorType>) {
  const Shape &q = inputs[0].shape, &v = inputs[2].shape;
  if (q.rank() != 3 || v.rank() != 3) return 0;
  const double scores = static_cast<double>(q.size(0)) * static_cast<double>(q.size(1)) * static_cast<double>(v.size(1));
  return 2 * scores * static_cast<double>(q.size(2) + v.size(2));
}

Result<void> infer_fused_elementwise(InferContext& c) {
  TRY(elementwise_program_of(c.attributes(), static_cast<int>(c.input_count())));
  TRY(want_inputs(c, c.input_count()));
  Shape shape;
  for (size_t i = 0; i < c.input_count(); ++i) {
    TRY(want_type(c, i, kFloat32));
    shape = TRY(broadcast(shape, c.shape(i)));
  }
  return emit(c, 0, DType::kFloat32, shape);
}

double flops_fused_elementwise(const Attributes& attributes, std::span<const TensorType>, std::span<const TensorType> outputs) {
  const auto instructions = static_cast<double>(attributes.get_ints("program").size()) / 4;
  return instructions * static_cast<double>(outputs[0].shape.elements());
}

Result<void> infer_skip_layer_normalization(InferContext& c) {
  TRY(want_type(c, 0, kFloatTypes));
  TRY(want_same_dtype(c, 0, 3));
  TRY(want_rank(c, 0, 1));
  const Shape& x = c.shape(0);
  TRY(want_same_shape(c, 1, x));
  for (size_t i : {2, 3}) TRY(want_vector(c, i, x[x.rank() - 1], "the last extent of X and the scale or bias"));
  TRY(emit(c, 0, c.dtype(0), x));
  return emit(c, 1, c.dtype(0), x);
}

constexpr OpDef kOps[] = {
    {"tercel.Dense", 2, 4, 1, 1, infer_dense, flops_matmul},
    {"tercel.MatMul", 2, 2, 1, 1, infer_scaled_matmul, flops_matmul},
    {"tercel.Attention", 3, 4, 1, 1, infer_attention, flops_attention},
    {"tercel.FusedElementwise", 1, kProgramInputsMax, 1, 1, infer_fused_elementwise, flops_fused_elementwise, true},
    {"tercel.SkipLayerNormalization", 4, 4, 1, 2, infer_skip_layer_normalization},
};

}  // namespace

std::span<const OpDef> fused_ops() { return kOps; }

}  // namespace tercel::ops
