#include "ops/forest.h"

#include <cmath>

namespace tercel::ops {

namespace {

template <typename T>
Result<void> check_split(const Forest<T>& forest, int64_t i, int64_t features) {
  const auto where = [&] { return "split " + std::to_string(i) + " "; };
  const Split& split = forest.splits[static_cast<size_t>(i)];
  if (split.feature < 0 || split.feature >= features)
    return invalid(where() + "tests feature " + std::to_string(split.feature) + ", the rows have " + std::to_string(features));
  if (std::isnan(forest.thresholds[static_cast<size_t>(i)])) return invalid(where() + "has the threshold NaN");
  for (const int32_t link : {split.link_true, split.link_false}) {
    if (link >= 0 ? link <= i || link >= std::ssize(forest.splits) : -1 - int64_t{link} >= forest.leaves())
      return invalid(where() + "links to " + std::to_string(link) + ", which is no later split and no leaf");
  }
  return {};
}

template <typename T>
Result<void> check_contents(const Forest<T>& forest, int64_t features) {
  for (int64_t i = 0; i < std::ssize(forest.splits); ++i) TRY(check_split(forest, i, features));
  for (const int32_t root : forest.roots)
    if (root >= 0 ? root >= std::ssize(forest.splits) : -1 - int64_t{root} >= forest.leaves())
      return invalid("a tree starts at " + std::to_string(root) + ", which is no split and no leaf");
  if (forest.leaf_starts.front() != 0 || forest.leaf_starts.back() != std::ssize(forest.leaf_weights))
    return invalid("the leaves do not cover the leaf weights");
  for (size_t i = 0; i + 1 < forest.leaf_starts.size(); ++i)
    if (forest.leaf_starts[i] > forest.leaf_starts[i + 1]) return invalid("the leaves' ranges do not rise");
  for (const int32_t target : forest.leaf_targets)
    if (target < 0 || target >= forest.targets)
      return invalid("a leaf adds to target " + std::to_string(target) + ", there are " + std::to_string(forest.targets));
  return {};
}

}  // namespace

Result<Aggregate> aggregate_of(const Attributes& attributes) {
  const std::string_view name = attributes.get_string("aggregate", "SUM");
  if (name == "SUM") return Aggregate::kSum;
  if (name == "AVERAGE") return Aggregate::kAverage;
  if (name == "MIN") return Aggregate::kMin;
  if (name == "MAX") return Aggregate::kMax;
  return invalid("aggregate must be SUM, AVERAGE, MIN or MAX, not '" + std::string(name) + "'");
}

template <typename T>
Result<Forest<T>> forest_of(const Attributes& attributes, std::span<const Tensor* const> tables, int64_t features) {
  Forest<T> forest;
  for (size_t i = 0; i < 7; ++i) {
    if (i >= tables.size() || !tables[i]) {
      if (i < 6) return unsupported("the tables of a tree ensemble must be constant");
      continue;
    }
    forest.tables.push_back(TRY(tables[i]->aligned()));
  }
  const auto& t = forest.tables;
  const auto ints = [](const Tensor& tensor) { return std::span(tensor.as<int32_t>(), static_cast<size_t>(tensor.elements())); };
  const auto reals = [](const Tensor& tensor) { return std::span(tensor.as<T>(), static_cast<size_t>(tensor.elements())); };
  forest.splits = {reinterpret_cast<const Split*>(t[0].data()), static_cast<size_t>(t[0].elements() / 4)};
  forest.thresholds = reals(t[1]);
  forest.roots = ints(t[2]);
  forest.leaf_starts = ints(t[3]);
  forest.leaf_targets = ints(t[4]);
  forest.leaf_weights = reals(t[5]);
  if (t.size() > 6) forest.base = reals(t[6]);
  forest.targets = attributes.get_int("targets", 1);
  forest.aggregate = TRY(aggregate_of(attributes));
  TRY(check_contents(forest, features));
  return forest;
}

template Result<Forest<float>> forest_of(const Attributes&, std::span<const Tensor* const>, int64_t);
template Result<Forest<double>> forest_of(const Attributes&, std::span<const Tensor* const>, int64_t);

}  // namespace tercel::ops
