// The tree operators of ai.onnx.ml: TreeEnsembleClassifier and TreeEnsembleRegressor (one list an attribute of all nodes), and
// TreeEnsemble of version 5 (inner nodes and leaves apart).
#include <algorithm>
#include <cmath>
#include <optional>

#include "onnx/adapters.h"
#include "onnx/forest_builder.h"
#include "onnx/ml.h"
#include "ops/forest.h"

namespace tercel::onnx {

namespace {

constexpr std::string_view kModeNames[] = {"BRANCH_LEQ", "BRANCH_LT",  "BRANCH_GTE",    "BRANCH_GT",
                                           "BRANCH_EQ",  "BRANCH_NEQ", "BRANCH_MEMBER", "LEAF"};

Result<void> want_length(std::string_view name, size_t length, size_t wanted) {
  if (length == wanted) return {};
  return invalid("'" + std::string(name) + "' lists " + std::to_string(length) + " values for " + std::to_string(wanted) +
                 " nodes");
}

// Finds nodes by their tree and node numbers.
class NodeIndex {
 public:
  static Result<NodeIndex> of(const TreeModel& model) {
    NodeIndex index;
    for (size_t i = 0; i < model.node_ids.size(); ++i)
      index.entries_.push_back({model.tree_ids[i], model.node_ids[i], static_cast<int64_t>(i)});
    std::sort(index.entries_.begin(), index.entries_.end());
    const auto twice = std::adjacent_find(index.entries_.begin(), index.entries_.end(), same_node);
    if (twice != index.entries_.end()) return invalid(model.describe(twice->place) + " is listed twice");
    return index;
  }

  std::optional<int64_t> find(int64_t tree, int64_t node) const {
    const auto found = std::lower_bound(entries_.begin(), entries_.end(), Entry{tree, node, 0});
    if (found == entries_.end() || found->tree != tree || found->node != node) return std::nullopt;
    return found->place;
  }

 private:
  struct Entry {
    int64_t tree, node, place;
    auto operator<=>(const Entry&) const = default;
  };
  static bool same_node(const Entry& a, const Entry& b) { return a.tree == b.tree && a.node == b.node; }
  std::vector<Entry> entries_;
};

Result<NodeMode> mode_named(const std::string& name, const std::string& where) {
  const auto* const found = std::find(std::begin(kModeNames), std::end(kModeNames), name);
  if (found == std::end(kModeNames) || *found == "BRANCH_MEMBER") return invalid(where + " has an unknown mode");
  return static_cast<NodeMode>(found - std::begin(kModeNames));
}

// Roots are the nodes that nobody leads to, one a tree, in the order of the file.
Result<void> find_roots(TreeModel& model) {
  std::vector<bool> is_child(model.nodes.size(), false);
  for (const TreeNode& node : model.nodes)
    for (const int64_t child : {node.yes, node.no})
      if (child >= 0) is_child[static_cast<size_t>(child)] = true;
  std::vector<int64_t> trees, with_root;
  for (size_t i = 0; i < model.nodes.size(); ++i) {
    if (trees.empty() || trees.back() != model.tree_ids[i]) trees.push_back(model.tree_ids[i]);
    if (is_child[i]) continue;
    model.roots.push_back(static_cast<int64_t>(i));
    with_root.push_back(model.tree_ids[i]);
  }
  std::sort(trees.begin(), trees.end());
  trees.erase(std::unique(trees.begin(), trees.end()), trees.end());
  std::sort(with_root.begin(), with_root.end());
  const auto twice = std::adjacent_find(with_root.begin(), with_root.end());
  if (twice != with_root.end()) return invalid("tree " + std::to_string(*twice) + " has two roots: nodes that no other leads to");
  for (const int64_t tree : trees)
    if (!std::binary_search(with_root.begin(), with_root.end(), tree))
      return invalid("tree " + std::to_string(tree) + " has no root: its nodes lead in a circle");
  return {};
}

Result<void> link_nodes(const NodeContext& node, const NodeIndex& index, TreeModel& model) {
  const auto yes = node.attributes.get_ints("nodes_truenodeids"), no = node.attributes.get_ints("nodes_falsenodeids");
  TRY(want_length("nodes_truenodeids", yes.size(), model.nodes.size()));
  TRY(want_length("nodes_falsenodeids", no.size(), model.nodes.size()));
  for (size_t i = 0; i < model.nodes.size(); ++i) {
    TreeNode& at = model.nodes[i];
    if (at.mode == NodeMode::kLeaf) continue;
    const auto child = [&](int64_t id) { return index.find(model.tree_ids[i], id); };
    const auto true_child = child(yes[i]), false_child = child(no[i]);
    if (!true_child || !false_child)
      return invalid(model.describe(static_cast<int64_t>(i)) + " leads to node " + std::to_string(true_child ? no[i] : yes[i]) +
                     ", which the tree does not have");
    at.yes = *true_child;
    at.no = *false_child;
  }
  return find_roots(model);
}

Result<TreeModel> read_nodes(const NodeContext& node) {
  const auto& attributes = node.attributes;
  const auto trees = attributes.get_ints("nodes_treeids"), ids = attributes.get_ints("nodes_nodeids"),
             features = attributes.get_ints("nodes_featureids"), missing = attributes.get_ints("nodes_missing_value_tracks_true");
  const auto* modes = attributes.get<std::vector<std::string>>("nodes_modes");
  const auto values = TRY(ml::numbers(node, "nodes_values"));
  TreeModel model;
  const size_t count = ids.size();
  if (count == 0 || !modes) return invalid("it has no trees: 'nodes_nodeids' and 'nodes_modes' must list their nodes");
  TRY(want_length("nodes_treeids", trees.size(), count));
  TRY(want_length("nodes_featureids", features.size(), count));
  TRY(want_length("nodes_values", values.size(), count));
  TRY(want_length("nodes_modes", modes->size(), count));
  if (!missing.empty()) TRY(want_length("nodes_missing_value_tracks_true", missing.size(), count));
  model.tree_ids.assign(trees.begin(), trees.end());
  model.node_ids.assign(ids.begin(), ids.end());
  for (size_t i = 0; i < count; ++i)
    model.nodes.push_back({.feature = features[i],
                           .threshold = values[i],
                           .mode = TRY(mode_named((*modes)[i], model.describe(static_cast<int64_t>(i)))),
                           .missing_holds = !missing.empty() && missing[i] != 0});
  return model;
}

// `kind` is "target" or "class". Weights of inner nodes mean nothing and are left out.
Result<void> read_weights(const NodeContext& node, const std::string& kind, int64_t targets, const NodeIndex& index,
                          TreeModel& model) {
  const auto trees = node.attributes.get_ints(kind + "_treeids"), ids = node.attributes.get_ints(kind + "_nodeids"),
             to = node.attributes.get_ints(kind + "_ids");
  const auto weights = TRY(ml::numbers(node, kind + "_weights"));
  if (trees.size() != ids.size() || trees.size() != to.size() || trees.size() != weights.size())
    return invalid("'" + kind + "_treeids', '" + kind + "_nodeids', '" + kind + "_ids' and '" + kind +
                   "_weights' must have equal lengths");
  for (size_t i = 0; i < trees.size(); ++i) {
    const auto place = index.find(trees[i], ids[i]);
    const auto where = [&] { return "the " + kind + " weight " + std::to_string(i); };
    if (!place)
      return invalid(where() + " is of node " + std::to_string(ids[i]) + " of tree " + std::to_string(trees[i]) +
                     ", which does not exist");
    if (to[i] < 0 || to[i] >= targets)
      return invalid(where() + " is for " + kind + " " + std::to_string(to[i]) + ", there are " + std::to_string(targets));
    if (model.nodes[static_cast<size_t>(*place)].mode == NodeMode::kLeaf) model.weights.push_back({*place, to[i], weights[i]});
  }
  return {};
}

Result<TreeModel> read_model(const NodeContext& node, const std::string& kind, int64_t targets) {
  if (targets < 1 || targets > ops::kTargetsMax)
    return invalid("it has " + std::to_string(targets) + " targets; 1 to " + std::to_string(ops::kTargetsMax) + " are computed");
  TreeModel model = TRY(read_nodes(node));
  const NodeIndex index = TRY(NodeIndex::of(model));
  TRY(link_nodes(node, index, model));
  TRY(read_weights(node, kind, targets, index, model));
  return model;
}

// Two classes and weights of one of them: the sum is the second class's.
struct Binary {
  bool holds = false, all_positive = true;
};

Binary look_for_one_sum(TreeModel& model, size_t classes) {
  Binary binary{classes == 2 && !model.weights.empty(), true};
  for (const LeafWeight& w : model.weights) {
    if (w.target != model.weights.front().target) binary.holds = false;
    if (!(w.weight >= 0)) binary.all_positive = false;
  }
  if (binary.holds)
    for (LeafWeight& w : model.weights) w.target = 0;
  return binary;
}

Result<void> want_base(size_t given, int64_t wanted) {
  if (given == 0 || given == static_cast<size_t>(wanted)) return {};
  return invalid("'base_values' lists " + std::to_string(given) + " values for " + std::to_string(wanted) + " sums");
}

Result<std::string_view> named(int64_t code, std::span<const std::string_view> names, std::string_view what) {
  if (code < 0 || code >= std::ssize(names))
    return invalid("'" + std::string(what) + "' has the unknown value " + std::to_string(code));
  return names[static_cast<size_t>(code)];
}

// The sets of BRANCH_MEMBER nodes lie one after another, each ended by NaN.
Result<void> read_members(const NodeContext& node, TreeModel& model) {
  model.members = TRY(ml::tensor_numbers(node, "membership_values"));
  size_t at = 0;
  for (TreeNode& inner : model.nodes) {
    if (inner.mode != NodeMode::kMember) continue;
    inner.members_begin = at;
    while (at < model.members.size() && !std::isnan(model.members[at])) ++at;
    inner.members_end = at++;
  }
  return {};
}

// Inner nodes first, then leaves.
Result<TreeModel> read_inner_nodes(const NodeContext& node) {
  const auto& attributes = node.attributes;
  const auto features = attributes.get_ints("nodes_featureids"), missing = attributes.get_ints("nodes_missing_value_tracks_true");
  const auto yes = attributes.get_ints("nodes_truenodeids"), no = attributes.get_ints("nodes_falsenodeids");
  const auto yes_leaf = attributes.get_ints("nodes_trueleafs"), no_leaf = attributes.get_ints("nodes_falseleafs");
  const auto values = TRY(ml::tensor_numbers(node, "nodes_splits")), modes = TRY(ml::tensor_numbers(node, "nodes_modes"));
  const size_t count = features.size();
  const std::pair<std::string_view, size_t> lengths[] = {
      {"nodes_truenodeids", yes.size()},    {"nodes_falsenodeids", no.size()}, {"nodes_trueleafs", yes_leaf.size()},
      {"nodes_falseleafs", no_leaf.size()}, {"nodes_splits", values.size()},   {"nodes_modes", modes.size()}};
  for (const auto& [name, length] : lengths) TRY(want_length(name, length, count));
  if (!missing.empty()) TRY(want_length("nodes_missing_value_tracks_true", missing.size(), count));
  TreeModel model;
  for (size_t i = 0; i < count; ++i) {
    if (!(modes[i] >= 0 && modes[i] <= static_cast<double>(NodeMode::kMember)))
      return invalid("node " + std::to_string(i) + " has an unknown mode");
    const auto place = [&](int64_t id, int64_t is_leaf) {
      return id < 0 || id >= int64_t{1} << 40 ? -1
             : is_leaf                        ? id + static_cast<int64_t>(count)
             : id < std::ssize(features)      ? id
                                              : -1;
    };
    model.nodes.push_back({.feature = features[i],
                           .threshold = values[i],
                           .mode = static_cast<NodeMode>(modes[i]),
                           .missing_holds = !missing.empty() && missing[i] != 0,
                           .yes = place(yes[i], yes_leaf[i]),
                           .no = place(no[i], no_leaf[i])});
  }
  TRY(read_members(node, model));
  return model;
}

Result<void> read_leaves(const NodeContext& node, int64_t targets, TreeModel& model) {
  const auto to = node.attributes.get_ints("leaf_targetids");
  const auto weights = TRY(ml::tensor_numbers(node, "leaf_weights"));
  if (to.size() != weights.size()) return invalid("'leaf_targetids' and 'leaf_weights' must have equal lengths");
  for (size_t i = 0; i < to.size(); ++i) {
    if (to[i] < 0 || to[i] >= targets)
      return invalid("leaf " + std::to_string(i) + " is for target " + std::to_string(to[i]) + ", there are " +
                     std::to_string(targets));
    model.weights.push_back({std::ssize(model.nodes), to[i], weights[i]});
    model.nodes.push_back({});
  }
  return {};
}

}  // namespace

Result<void> adapt_tree_classifier(NodeContext& node) {
  const auto labels = TRY(ml::class_labels(node, "classlabels_int64s", "classlabels_strings"));
  auto base = TRY(ml::numbers(node, "base_values"));
  TreeModel model = TRY(read_model(node, "class", std::ssize(labels)));
  const Binary binary = look_for_one_sum(model, labels.size());
  if (binary.holds && base.size() == 2) base.erase(base.begin());
  const int64_t sums = binary.holds ? 1 : std::ssize(labels);
  TRY(want_base(base.size(), sums));
  const ValueId x = TRY(ml::rows(node, 0, true));
  const ValueId sum = TRY(add_forest(node, model, x, sums, "SUM", base));
  ml::ClassRule rule;
  if (binary.holds) rule = binary.all_positive ? ml::ClassRule{"complement", 0.5f} : ml::ClassRule{"negated", 0};
  return ml::finish_classes(node, sum, labels, rule);
}

Result<void> adapt_tree_regressor(NodeContext& node) {
  const int64_t targets = node.attributes.get_int("n_targets", 1);
  const auto base = TRY(ml::numbers(node, "base_values"));
  const TreeModel model = TRY(read_model(node, "target", targets));
  TRY(want_base(base.size(), targets));
  const ValueId x = TRY(ml::rows(node, 0, true));
  const ValueId sum = TRY(add_forest(node, model, x, targets, node.attributes.get_string("aggregate_function", "SUM"), base));
  return ml::finish_scores(node, sum, node.attributes.get_string("post_transform", "NONE"));
}

Result<void> adapt_tree_ensemble(NodeContext& node) {
  constexpr std::string_view kAggregates[] = {"AVERAGE", "SUM", "MIN", "MAX"};
  constexpr std::string_view kTransforms[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
  const int64_t targets = node.attributes.get_int("n_targets", 1);
  if (targets < 1 || targets > ops::kTargetsMax)
    return invalid("it has " + std::to_string(targets) + " targets; 1 to " + std::to_string(ops::kTargetsMax) + " are computed");
  const auto aggregate = TRY(named(node.attributes.get_int("aggregate_function", 1), kAggregates, "aggregate_function"));
  const auto transform = TRY(named(node.attributes.get_int("post_transform", 0), kTransforms, "post_transform"));
  TreeModel model = TRY(read_inner_nodes(node));
  TRY(read_leaves(node, targets, model));
  const auto roots = node.attributes.get_ints("tree_roots");
  model.roots.assign(roots.begin(), roots.end());
  const ValueId x = TRY(ml::rows(node, 0, true));
  const DType type = node.type(0)->dtype;
  ValueId y = TRY(add_forest(node, model, x, targets, aggregate, {}));
  if (transform == "LOGISTIC") y = TRY(node.add("Sigmoid", {y}));
  else if (transform != "NONE")
    y = TRY(node.add("tercel.PostTransform", {y}, attributes({{"post_transform", std::string(transform)}})));
  return node.finish("Identity", {TRY(ml::cast(node, y, type))});
}

}  // namespace tercel::onnx
