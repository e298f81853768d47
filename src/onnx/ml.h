#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "onnx/node_context.h"

// What the adapters of ai.onnx.ml have in common. The folder's adapt_trees.cc, adapt_linear.cc, adapt_svm.cc and
// adapt_features.cc use it.
namespace tercel::onnx::ml {

// Input i, cast to float32 unless it is that, or float64 and `doubles` are wanted.
Result<ValueId> reals(NodeContext& node, size_t i, bool doubles = false);
// The same as a matrix of rows: a lone row [F] becomes [1, F]; other ranks are refused.
Result<ValueId> rows(NodeContext& node, size_t i, bool doubles = false);
// The type of a value, which is always known behind an input.
const TensorType& type_of(const NodeContext& node, ValueId id);

// A list of numbers from the attribute `name`, or from the tensor attribute `name`_as_tensor; empty when neither is there.
Result<std::vector<double>> numbers(const NodeContext& node, std::string_view name);
// The elements of a tensor attribute as numbers; empty when it is absent.
Result<std::vector<double>> tensor_numbers(const NodeContext& node, std::string_view name);

// Whether a list of strings is there and not empty.
bool has_strings(const NodeContext& node, std::string_view name);

// The labels of a classifier. Strings are refused with what to do.
Result<std::vector<int64_t>> class_labels(const NodeContext& node, std::string_view ints, std::string_view strings);

// Constants of the graph.
ValueId floats(NodeContext& node, const Shape& shape, std::span<const double> values);
ValueId doubles(NodeContext& node, const Shape& shape, std::span<const double> values);
inline ValueId reals_like(NodeContext& node, DType dtype, const Shape& shape, std::span<const double> values) {
  return dtype == DType::kFloat64 ? doubles(node, shape, values) : floats(node, shape, values);
}

// A cast that is left out where it changes nothing.
Result<ValueId> cast(NodeContext& node, ValueId id, DType dtype);
// Ends the node: its output 0 is `scores` [N, C] as float32 behind `post_transform`.
Result<void> finish_scores(NodeContext& node, ValueId scores, std::string_view post_transform);

// How the sums of a classifier become labels and scores (ops/scores.h).
struct ClassRule {
  std::string_view pair = "";  // "negated", "complement": one sum stands for two classes
  float above = 0;             // what it must exceed for the second class
};
Result<void> finish_classes(NodeContext& node, ValueId sums, std::span<const int64_t> labels, const ClassRule& rule);

}  // namespace tercel::onnx::ml
