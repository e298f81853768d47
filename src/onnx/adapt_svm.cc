// SVMRegressor and SVMClassifier of ai.onnx.ml: a kernel function of each row and each support vector, then a product.
#include <numeric>

#include "onnx/adapters.h"
#include "onnx/ml.h"
#include "ops/forest.h"
#include "ops/scores.h"

namespace tercel::onnx {

namespace {

ValueId scalar(NodeContext& node, double value) { return ml::floats(node, {}, std::span(&value, 1)); }

// The attribute `name` as a matrix of `rows` rows.
Result<ValueId> matrix(NodeContext& node, std::string_view name, int64_t rows) {
  const auto values = TRY(ml::numbers(node, name));
  const auto count = std::ssize(values);
  if (count == 0 || rows < 1 || count % rows != 0)
    return invalid("'" + std::string(name) + "' lists " + std::to_string(count) + " values, which is no multiple of " +
                   std::to_string(rows));
  return ml::floats(node, {Dim(rows), Dim(count / rows)}, values);
}

// X vectors^T: [N, vectors].
Result<ValueId> dots(NodeContext& node, ValueId x, ValueId vectors) {
  return node.add("Gemm", {x, vectors}, attributes({{"transB", int64_t{1}}}));
}

// The kernel of every row and vector. kernel_params are gamma, coef0 and degree.
Result<ValueId> kernel_of(NodeContext& node, ValueId x, ValueId vectors) {
  const std::string_view type = node.attributes.get_string("kernel_type", "LINEAR");
  if (type == "LINEAR") return dots(node, x, vectors);
  const auto parameters = TRY(ml::numbers(node, "kernel_params"));
  if (parameters.size() < 3) return invalid("'kernel_params' must list gamma, coef0 and degree");
  if (type == "RBF") {
    const ValueId squares = TRY(node.add("CDist", {x, vectors}));
    return node.add("Exp", {TRY(node.add("Mul", {squares, scalar(node, -parameters[0])}))});
  }
  if (type != "POLY" && type != "SIGMOID") return invalid("'kernel_type' must be LINEAR, POLY, RBF or SIGMOID");
  const ValueId scaled = TRY(node.add("Mul", {TRY(dots(node, x, vectors)), scalar(node, parameters[0])}));
  const ValueId shifted = TRY(node.add("Add", {scaled, scalar(node, parameters[1])}));
  if (type == "SIGMOID") return node.add("Tanh", {shifted});
  return node.add("Pow", {shifted, scalar(node, parameters[2])});
}

struct Classes {
  std::vector<int64_t> labels, vectors;  // vectors: support vectors of each class
  int64_t count() const { return std::ssize(labels); }
  int64_t pairs() const { return count() * (count() - 1) / 2; }
  int64_t all_vectors() const { return std::accumulate(vectors.begin(), vectors.end(), int64_t{0}); }
};

Result<Classes> classes_of(const NodeContext& node) {
  Classes classes{TRY(ml::class_labels(node, "classlabels_ints", "classlabels_strings")), {}};
  for (const int64_t count : node.attributes.get_ints("vectors_per_class")) {
    if (count < 0 || count > ops::kForestNodesMax)
      return invalid("'vectors_per_class' has the bad count " + std::to_string(count));
    classes.vectors.push_back(count);
  }
  if (classes.count() < 2 || classes.count() > ops::kClassesOfPairsMax)
    return invalid("it has " + std::to_string(classes.count()) + " classes; 2 to " + std::to_string(ops::kClassesOfPairsMax) +
                   " are computed");
  if (!classes.vectors.empty() && std::ssize(classes.vectors) != classes.count())
    return invalid("'vectors_per_class' must have one count for each class");
  return classes;
}

// coefficients [C - 1, V] hold, for each vector, its weight against each other class; as a matrix [V, pairs] that turns kernels
// into decisions: a vector of class i weighs coefficients[j - 1] against a later class j, coefficients[j] against an earlier one.
Result<ValueId> pair_weights(NodeContext& node, const Classes& classes) {
  const auto coefficients = TRY(ml::numbers(node, "coefficients"));
  const int64_t vectors = classes.all_vectors(), pairs = classes.pairs();
  const auto wanted = checked_multiply(classes.count() - 1, vectors), size = checked_multiply(vectors, pairs);
  if (!wanted || *wanted != std::ssize(coefficients))
    return invalid("'coefficients' lists " + std::to_string(coefficients.size()) + " values; " +
                   std::to_string(classes.count() - 1) + " for each of " + std::to_string(vectors) +
                   " support vectors are needed");
  if (!size || *size > ops::kForestNodesMax) return too_large("it has too many support vectors and pairs of classes");
  std::vector<double> weights(static_cast<size_t>(*size), 0);
  const auto fill = [&](int64_t first, int64_t count, int64_t row, int64_t pair) {
    for (int64_t v = first; v < first + count; ++v)
      weights[static_cast<size_t>(v * pairs + pair)] = coefficients[static_cast<size_t>(row * vectors + v)];
  };
  int64_t pair = 0, start_i = 0;
  for (int64_t i = 0; i < classes.count(); start_i += classes.vectors[static_cast<size_t>(i++)]) {
    int64_t start_j = start_i + classes.vectors[static_cast<size_t>(i)];
    for (int64_t j = i + 1; j < classes.count(); start_j += classes.vectors[static_cast<size_t>(j++)], ++pair) {
      fill(start_i, classes.vectors[static_cast<size_t>(i)], j - 1, pair);
      fill(start_j, classes.vectors[static_cast<size_t>(j)], i, pair);
    }
  }
  return ml::floats(node, {Dim(vectors), Dim(pairs)}, weights);
}

Result<std::vector<double>> per_pair(const NodeContext& node, std::string_view name, int64_t pairs) {
  auto values = TRY(ml::numbers(node, name));
  if (std::ssize(values) < pairs)
    return invalid("'" + std::string(name) + "' lists " + std::to_string(values.size()) + " values for " + std::to_string(pairs) +
                   " pairs of classes");
  values.resize(static_cast<size_t>(pairs));
  return values;
}

}  // namespace

Result<void> adapt_svm_regressor(NodeContext& node) {
  const int64_t supports = node.attributes.get_int("n_supports", 0);
  const ValueId x = TRY(ml::rows(node, 0));
  const auto rho = TRY(ml::numbers(node, "rho"));
  if (rho.empty()) return invalid("'rho' lists nothing");
  ValueId kernels = x;
  if (supports > 0) kernels = TRY(kernel_of(node, x, TRY(matrix(node, "support_vectors", supports))));
  const ValueId sums = TRY(dots(node, kernels, TRY(matrix(node, "coefficients", 1))));
  ValueId y = TRY(node.add("Add", {sums, scalar(node, rho[0])}));
  if (node.attributes.get_int("one_class", 0) != 0) {
    const ValueId inside = TRY(node.add("Greater", {y, scalar(node, 0)}));
    y = TRY(node.add("Where", {inside, scalar(node, 1), scalar(node, -1)}));
  }
  return ml::finish_scores(node, y, node.attributes.get_string("post_transform", "NONE"));
}

Result<void> adapt_svm_classifier(NodeContext& node) {
  const Classes classes = TRY(classes_of(node));
  const ValueId x = TRY(ml::rows(node, 0));
  if (classes.all_vectors() == 0) {  // liblinear: one hyperplane a class
    const auto rho = TRY(per_pair(node, "rho", 1));
    const ValueId sums = TRY(dots(node, x, TRY(matrix(node, "coefficients", classes.count()))));
    return ml::finish_classes(node, TRY(node.add("Add", {sums, scalar(node, rho[0])})), classes.labels, {});
  }
  const ValueId kernels = TRY(kernel_of(node, x, TRY(matrix(node, "support_vectors", classes.all_vectors()))));
  const Dim pairs(classes.pairs());
  const ValueId shifts = ml::floats(node, {pairs}, TRY(per_pair(node, "rho", classes.pairs())));
  std::vector<ValueId> inputs{TRY(node.add("Gemm", {kernels, TRY(pair_weights(node, classes)), shifts})),
                              node.ints(classes.labels)};
  if (node.attributes.has("prob_a") || node.attributes.has("prob_b"))
    for (const std::string_view name : {"prob_a", "prob_b"})
      inputs.push_back(ml::floats(node, {pairs}, TRY(per_pair(node, name, classes.pairs()))));
  const std::string transform(node.attributes.get_string("post_transform", "NONE"));
  return node.finish("tercel.PairwiseScores", std::move(inputs), attributes({{"post_transform", transform}}));
}

}  // namespace tercel::onnx
