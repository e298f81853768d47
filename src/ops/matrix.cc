#include "ops/einsum.h"
#include "ops/matrix_rules.h"
#include "ops/registry.h"
#include "ops/rules.h"

namespace tercel::ops {

Result<Shape> matmul_shape(Shape a, Shape b) {
  if (a.rank() < 1 || b.rank() < 1) return invalid("MatMul wants tensors, not scalars");
  const bool row = a.rank() == 1, column = b.rank() == 1;
  const Dim m = row ? Dim(1) : a[a.rank() - 2], n = column ? Dim(1) : b[b.rank() - 1];
  TRY(unify(a[a.rank() - 1], b[column ? 0 : b.rank() - 2], "the inner extents of A and B"));
  const auto batch_of = [](const Shape& s) {
    return Shape(s.dims().first(static_cast<size_t>(s.rank() < 2 ? 0 : s.rank() - 2)));
  };
  Shape out = TRY(broadcast(batch_of(a), batch_of(b)));
  if (!row) out.push_back(m);
  if (!column) out.push_back(n);
  return out;
}

// Two per output element and inner element; inputs[0] holds the inner extent in its last axis, or its last but one (transA).
double flops_matmul(const Attributes& attributes, std::span<const TensorType> inputs, std::span<const TensorType> outputs) {
  const Shape& a = inputs[0].shape;
  if (a.rank() == 0) return 0;
  const bool transposed = attributes.get_int("transA", 0) && a.rank() >= 2;
  const double inner = static_cast<double>(a.size(a.rank() - (transposed ? 2 : 1)));
  return 2 * inner * static_cast<double>(outputs[0].shape.elements());
}

namespace {

constexpr TypeSet kMatmulTypes = kFloatTypes | type_set({DType::kInt32, DType::kInt64, DType::kUint32, DType::kUint64});

Result<void> infer_matmul(InferContext& c) {
  TRY(want_type(c, 0, kMatmulTypes));
  TRY(want_same_dtype(c, 0, 1));
  return emit(c, 0, c.dtype(0), TRY(matmul_shape(c.shape(0), c.shape(1))));
}

Result<void> infer_gemm(InferContext& c) {
  TRY(want_type(c, 0, kMatmulTypes));
  TRY(want_same_dtype(c, 0, 2));
  for (size_t i : {0, 1}) TRY(want_rank(c, i, 2, 2));
  const int a_transposed = c.attributes().get_int("transA", 0) != 0, b_transposed = c.attributes().get_int("transB", 0) != 0;
  const Dim m = c.shape(0)[a_transposed], n = c.shape(1)[1 - b_transposed];
  TRY(unify(c.shape(0)[1 - a_transposed], c.shape(1)[b_transposed], "the inner extents of A and B"));
  const Shape out{m, n};
  if (c.has(2)) {
    TRY(want_rank(c, 2, 0, 2));
    const Shape& bias = c.shape(2);
    for (int i = 0; i < bias.rank(); ++i) {
      const Dim extent = bias[i];
      if (!(extent == Dim(1)) && !may_equal(extent, out[i + 2 - bias.rank()]))
        return invalid("Gemm: C has shape " + to_string(bias) + ", which does not broadcast to " + to_string(out));
    }
  }
  return emit(c, 0, c.dtype(0), out);
}

Result<void> infer_det(InferContext& c) {
  TRY(want_type(c, 0, kFloatTypes));
  TRY(want_rank(c, 0, 2));
  const Shape& x = c.shape(0);
  TRY(unify(x[x.rank() - 2], x[x.rank() - 1], "the last two extents"));
  return emit(c, 0, c.dtype(0), Shape(x.dims().first(static_cast<size_t>(x.rank() - 2))));
}

// com.microsoft.CDist: distances between each row of A [M, L] and each row of B [N, L].
Result<void> infer_cdist(InferContext& c) {
  TRY(want_type(c, 0, kFloatTypes));
  TRY(want_same_dtype(c, 0, 1));
  for (size_t i : {0, 1}) TRY(want_rank(c, i, 2, 2));
  const auto metric = c.attributes().get_string("metric", "sqeuclidean");
  if (metric != "sqeuclidean" && metric != "euclidean")
    return unsupported("CDist: the metric must be 'sqeuclidean' or 'euclidean', not '" + std::string(metric) + "'");
  TRY(unify(c.shape(0)[1], c.shape(1)[1], "the row lengths of A and B"));
  return emit(c, 0, c.dtype(0), {c.shape(0)[0], c.shape(1)[0]});
}

// A difference, a product and a sum per pair of rows and column.
double flops_cdist(const Attributes&, std::span<const TensorType> inputs, std::span<const TensorType> outputs) {
  return 3 * static_cast<double>(inputs[0].shape.size(1)) * static_cast<double>(outputs[0].shape.elements());
}

Result<EinsumEquation> equation_of(const Attributes& attributes, std::span<const Shape> shapes) {
  std::vector<int> ranks;
  for (const Shape& shape : shapes) ranks.push_back(shape.rank());
  return parse_einsum(attributes.get_string("equation", ""), ranks);
}

Result<void> infer_einsum(InferContext& c) {
  TRY(want_inputs(c, c.input_count()));
  TRY(want_type(c, 0, kNumericTypes));
  TRY(want_same_dtype(c, 0, c.input_count() - 1));
  std::vector<Shape> shapes;
  for (size_t i = 0; i < c.input_count(); ++i) shapes.push_back(c.shape(i));
  const EinsumEquation equation = TRY(equation_of(c.attributes(), shapes));
  const std::vector<Dim> extents = TRY(einsum_extents(equation, shapes));
  Shape out;
  double work = 1;
  for (int label : equation.output) out.push_back(extents[static_cast<size_t>(label)]);
  for (Dim extent : extents) work *= extent.is_known() ? static_cast<double>(extent.size()) : 1.0;
  if (work > static_cast<double>(kElementsMax))
    return too_large("the einsum computes more than " + std::to_string(kElementsMax) + " products");
  return emit(c, 0, c.dtype(0), out);
}

// A product of all inputs, and a sum, per combination of labels.
double flops_einsum(const Attributes& attributes, std::span<const TensorType> inputs, std::span<const TensorType> outputs) {
  std::vector<Shape> shapes;
  for (const TensorType& input : inputs) shapes.push_back(input.shape);
  const auto equation = equation_of(attributes, shapes);
  if (!equation) return static_cast<double>(outputs[0].shape.elements());
  const auto extents = einsum_extents(equation.value(), shapes);
  double work = static_cast<double>(inputs.size());
  if (extents)
    for (Dim extent : extents.value()) work *= extent.is_known() ? static_cast<double>(extent.size()) : 1.0;
  return work;
}

constexpr OpDef kOps[] = {
    {"AveragePool", 1, 1, 1, 1, infer_float_pool, flops_pool},
    {"CDist", 2, 2, 1, 1, infer_cdist, flops_cdist},
    {"Conv", 2, 4, 1, 1, infer_conv, flops_conv},
    {"ConvTranspose", 2, 3, 1, 1, infer_conv_transpose, flops_conv_transpose},
    {"DeformConv", 3, 5, 1, 1, infer_deform_conv, flops_conv},
    {"Det", 1, 1, 1, 1, infer_det},
    {"Einsum", 1, kEinsumInputsMax, 1, 1, infer_einsum, flops_einsum},
    {"Gemm", 2, 3, 1, 1, infer_gemm, flops_matmul},
    {"GlobalAveragePool", 1, 1, 1, 1, infer_global_pool, flops_pool},
    {"GlobalLpPool", 1, 1, 1, 1, infer_global_pool, flops_pool},
    {"GlobalMaxPool", 1, 1, 1, 1, infer_global_pool, flops_pool},
    {"LpPool", 1, 1, 1, 1, infer_float_pool, flops_pool},
    {"MatMul", 2, 2, 1, 1, infer_matmul, flops_matmul},
    {"MaxPool", 1, 1, 1, 2, infer_max_pool, flops_pool},
    {"MaxUnpool", 2, 3, 1, 1, infer_max_unpool},
};

}  // namespace

std::span<const OpDef> matrix_ops() { return kOps; }

}  // namespace tercel::ops
