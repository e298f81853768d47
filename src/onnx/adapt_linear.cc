// LinearClassifier and LinearRegressor of ai.onnx.ml: a product with constant coefficients.
#include "onnx/adapters.h"
#include "onnx/ml.h"
#include "ops/forest.h"

namespace tercel::onnx {

namespace {

// X coefficients^T + intercepts, [N, sums].
Result<ValueId> product(NodeContext& node, int64_t sums) {
  const auto coefficients = TRY(ml::numbers(node, "coefficients")), intercepts = TRY(ml::numbers(node, "intercepts"));
  const auto count = std::ssize(coefficients);
  if (sums < 1 || sums > ops::kTargetsMax || count == 0 || count % sums != 0)
    return invalid("'coefficients' lists " + std::to_string(count) + " values, which is no multiple of the " +
                   std::to_string(sums) + " rows that it needs");
  if (!intercepts.empty() && std::ssize(intercepts) != sums)
    return invalid("'intercepts' lists " + std::to_string(intercepts.size()) + " values for " + std::to_string(sums) + " sums");
  std::vector<ValueId> inputs{TRY(ml::rows(node, 0)), ml::floats(node, {Dim(sums), Dim(count / sums)}, coefficients)};
  if (!intercepts.empty()) inputs.push_back(ml::floats(node, {Dim(sums)}, intercepts));
  return node.add("Gemm", std::move(inputs), attributes({{"transB", int64_t{1}}}));
}

}  // namespace

Result<void> adapt_linear_regressor(NodeContext& node) {
  const ValueId y = TRY(product(node, node.attributes.get_int("targets", 1)));
  return ml::finish_scores(node, y, node.attributes.get_string("post_transform", "NONE"));
}

// One sum for two classes is the second one's, above 0.
Result<void> adapt_linear_classifier(NodeContext& node) {
  const auto labels = TRY(ml::class_labels(node, "classlabels_ints", "classlabels_strings"));
  const auto intercepts = std::ssize(TRY(ml::numbers(node, "intercepts")));
  const int64_t sums = intercepts > 0 ? intercepts : std::ssize(labels);
  const bool is_pair = sums == 1 && labels.size() == 2;
  if (!is_pair && sums != std::ssize(labels))
    return invalid("it has " + std::to_string(sums) + " sums for " + std::to_string(labels.size()) + " class labels");
  const ValueId y = TRY(product(node, sums));
  ml::ClassRule rule;
  if (is_pair) rule.pair = "complement";
  return ml::finish_classes(node, y, labels, rule);
}

}  // namespace tercel::onnx
