#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "onnx/node_context.h"

// Trees as files describe them, and their way to the tables of tercel.TreeEnsemble (ops/forest.h).
namespace tercel::onnx {

// In the order of TreeEnsemble's numbers.
enum class NodeMode : uint8_t { kLeq, kLess, kGreaterEqual, kGreater, kEqual, kNotEqual, kMember, kLeaf };

struct TreeNode {
  int64_t feature = 0;
  double threshold = 0;
  NodeMode mode = NodeMode::kLeaf;
  bool missing_holds = false;                 // NaN takes the branch of a test that holds
  int64_t yes = -1, no = -1;                  // places in TreeModel::nodes
  size_t members_begin = 0, members_end = 0;  // kMember: holds for these of TreeModel::members
};

struct LeafWeight {
  int64_t node, target;
  double weight;
};

struct TreeModel {
  std::vector<TreeNode> nodes;
  std::vector<int64_t> roots;
  std::vector<LeafWeight> weights;
  std::vector<double> members;
  // The names of nodes in messages: tree and node numbers of the file, one per node, or empty.
  std::vector<int64_t> tree_ids, node_ids;

  std::string describe(int64_t node) const;
};

// Adds a tercel.TreeEnsemble over `x` [N, F]. Every link is followed from the roots: a node that is reached twice (a circle,
// or a shared branch) or does not exist is refused by its name. Leaves may be shared.
Result<ValueId> add_forest(NodeContext& node, const TreeModel& model, ValueId x, int64_t targets, std::string_view aggregate,
                           std::span<const double> base);

}  // namespace tercel::onnx
