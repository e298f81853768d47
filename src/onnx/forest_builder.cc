#include "onnx/forest_builder.h"

#include <cmath>
#include <limits>
#include <type_traits>

#include "onnx/ml.h"
#include "ops/forest.h"

namespace tercel::onnx {

namespace {

// The next smaller number, as processors count that take denormals for zero: x < t is x <= before(t).
template <typename T>
T before(T t) {
  constexpr T kSmallest = std::numeric_limits<T>::min();
  if (std::fabs(t) < kSmallest) return -kSmallest;
  const T next = std::nextafter(t, -std::numeric_limits<T>::infinity());
  return std::fabs(next) < kSmallest ? T(0) : next;
}

template <typename T>
class Tables {
 public:
  Tables(const TreeModel& model, int64_t features) : model_(model), features_(features), ids_(model.nodes.size(), kUnseen) {}

  Result<void> build() {
    TRY(number_weights());
    for (const int64_t root : model_.roots) {
      roots_.push_back(TRY(link_to(root, root)));
      for (; next_ < queue_.size(); ++next_) TRY(emit(queue_[next_]));
    }
    leaf_starts_.push_back(static_cast<int32_t>(leaf_targets_.size()));
    return {};
  }

  std::vector<ValueId> constants(NodeContext& node, DType dtype) const {
    const auto ints = [&](const std::vector<int32_t>& values, Shape shape) {
      return node.constant(Tensor::of<int32_t>(DType::kInt32, shape, values));
    };
    const auto count = [](const auto& values) { return Dim(std::ssize(values)); };
    const auto reals = [&](const std::vector<T>& values) { return node.constant(Tensor::of<T>(dtype, {count(values)}, values)); };
    return {ints(splits_, {count(thresholds_), Dim(4)}),
            reals(thresholds_),
            ints(roots_, {count(roots_)}),
            ints(leaf_starts_, {count(leaf_starts_)}),
            ints(leaf_targets_, {count(leaf_targets_)}),
            reals(leaf_weights_)};
  }

 private:
  static constexpr int32_t kUnseen = std::numeric_limits<int32_t>::min();

  // Weights in the order of their nodes: weights_of_[starts_[n]] and on are node n's.
  Result<void> number_weights() {
    starts_.assign(model_.nodes.size() + 1, 0);
    for (const LeafWeight& w : model_.weights) ++starts_[static_cast<size_t>(w.node) + 1];
    for (size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
    weights_of_.resize(model_.weights.size());
    std::vector<size_t> at(starts_.begin(), starts_.end() - 1);
    for (size_t i = 0; i < model_.weights.size(); ++i) weights_of_[at[static_cast<size_t>(model_.weights[i].node)]++] = i;
    return {};
  }

  // Splits that a node takes: a set is a chain of comparisons.
  static int64_t splits_of(const TreeNode& node) {
    return node.mode == NodeMode::kMember ? static_cast<int64_t>(node.members_end - node.members_begin) : 1;
  }

  Result<int32_t> link_to(int64_t at, int64_t from) {
    if (at < 0 || at >= std::ssize(model_.nodes)) return invalid(model_.describe(from) + " leads to a node that does not exist");
    int32_t& id = ids_[static_cast<size_t>(at)];
    const TreeNode& node = model_.nodes[static_cast<size_t>(at)];
    if (node.mode == NodeMode::kLeaf) {
      if (id == kUnseen) id = add_leaf(static_cast<size_t>(at));
      return id;
    }
    if (id != kUnseen) return invalid(model_.describe(at) + " is reached twice, again from " + model_.describe(from));
    TRY(check(node, at));
    if (promised_ + splits_of(node) > ops::kForestNodesMax)
      return too_large("the ensemble has more than " + std::to_string(ops::kForestNodesMax) + " nodes");
    id = static_cast<int32_t>(promised_);
    promised_ += splits_of(node);
    queue_.push_back(at);
    return id;
  }

  Result<void> check(const TreeNode& node, int64_t at) const {
    if (node.feature < 0 || node.feature >= features_)
      return invalid(model_.describe(at) + " tests feature " + std::to_string(node.feature) + ", the rows have " +
                     std::to_string(features_) + " (0 to " + std::to_string(features_ - 1) + ")");
    if (node.mode == NodeMode::kMember) {
      if (splits_of(node) == 0) return invalid(model_.describe(at) + " tests for an empty set");
      return {};
    }
    if (std::isnan(node.threshold)) return invalid(model_.describe(at) + " compares with NaN, which is never true");
    const bool strict = node.mode == NodeMode::kLess || node.mode == NodeMode::kGreaterEqual;
    if (strict && node.threshold == -std::numeric_limits<double>::infinity())
      return unsupported(model_.describe(at) + " compares with minus infinity, which decides nothing; remove the node");
    return {};
  }

  int32_t add_leaf(size_t at) {
    leaf_starts_.push_back(static_cast<int32_t>(leaf_targets_.size()));
    for (size_t i = starts_[at]; i < starts_[at + 1]; ++i) {
      const LeafWeight& w = model_.weights[weights_of_[i]];
      leaf_targets_.push_back(static_cast<int32_t>(w.target));
      leaf_weights_.push_back(static_cast<T>(w.weight));
    }
    return -static_cast<int32_t>(leaf_starts_.size());
  }

  void push(int64_t feature, int32_t flags, T threshold, int32_t yes, int32_t no) {
    splits_.insert(splits_.end(), {static_cast<int32_t>(feature), flags, yes, no});
    thresholds_.push_back(threshold);
  }

  Result<void> emit(int64_t at) {
    const TreeNode& node = model_.nodes[static_cast<size_t>(at)];
    const int32_t yes = TRY(link_to(node.yes, at)), no = TRY(link_to(node.no, at));
    const int32_t missing = node.missing_holds ? ops::kNanHolds : 0, other = node.missing_holds ? 0 : ops::kNanHolds;
    const T threshold = static_cast<T>(node.threshold);
    switch (node.mode) {
      case NodeMode::kLeq: push(node.feature, missing, threshold, yes, no); break;
      case NodeMode::kLess: push(node.feature, missing, before(threshold), yes, no); break;
      case NodeMode::kGreater: push(node.feature, other, threshold, no, yes); break;
      case NodeMode::kGreaterEqual: push(node.feature, other, before(threshold), no, yes); break;
      case NodeMode::kEqual: push(node.feature, ops::kTestEqual | missing, threshold, yes, no); break;
      case NodeMode::kNotEqual: push(node.feature, ops::kTestEqual, threshold, no, yes); break;  // NaN differs from everything
      case NodeMode::kMember:
        for (size_t i = node.members_begin; i < node.members_end; ++i) {
          const bool last = i + 1 == node.members_end;
          push(node.feature, ops::kTestEqual | missing, static_cast<T>(model_.members[i]), yes,
               last ? no : static_cast<int32_t>(thresholds_.size() + 1));
        }
        break;
      case NodeMode::kLeaf: break;
    }
    return {};
  }

  const TreeModel& model_;
  int64_t features_;
  std::vector<int32_t> ids_;    // the link of each node, once it has one
  std::vector<int64_t> queue_;  // inner nodes in the order of their splits: children follow their parents
  size_t next_ = 0;
  int64_t promised_ = 0;
  std::vector<size_t> starts_, weights_of_;
  std::vector<int32_t> splits_, roots_, leaf_starts_, leaf_targets_;
  std::vector<T> thresholds_, leaf_weights_;
};

template <typename T>
Result<ValueId> add_typed(NodeContext& node, const TreeModel& model, ValueId x, std::span<const double> base,
                          ops::Attributes settings) {
  const TensorType type = ml::type_of(node, x);
  const Dim features = type.shape[1];
  // Where the width is not known yet, the kernel checks it when the shapes are bound.
  Tables<T> tables(model, features.is_known() ? features.size() : std::numeric_limits<int32_t>::max());
  TRY(tables.build());
  std::vector<ValueId> inputs = tables.constants(node, type.dtype);
  inputs.insert(inputs.begin(), x);
  if (!base.empty()) inputs.push_back(ml::reals_like(node, type.dtype, {Dim(std::ssize(base))}, base));
  return node.add("tercel.TreeEnsemble", std::move(inputs), std::move(settings));
}

}  // namespace

std::string TreeModel::describe(int64_t node) const {
  const auto at = static_cast<size_t>(node);
  if (at < node_ids.size()) return "node " + std::to_string(node_ids[at]) + " of tree " + std::to_string(tree_ids[at]);
  return "node " + std::to_string(node);
}

Result<ValueId> add_forest(NodeContext& node, const TreeModel& model, ValueId x, int64_t targets, std::string_view aggregate,
                           std::span<const double> base) {
  const auto settings = attributes({{"targets", targets}, {"aggregate", std::string(aggregate)}});
  if (ml::type_of(node, x).dtype == DType::kFloat64) return add_typed<double>(node, model, x, base, settings);
  return add_typed<float>(node, model, x, base, settings);
}

}  // namespace tercel::onnx
