#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/simd/forest.h"
#include "ops/forest.h"

namespace tercel::kernels::simd {

namespace {

using Forest = ops::Forest<float>;

constexpr int64_t kChildMax = 65535, kColumnsMax = 65535;  // what the fields of ForestNode reach
constexpr int64_t kDenseFactorMax = 8;                     // more numbers than this for each weight are mostly zeros
constexpr uint32_t kLeavesMax = 0x7f000000;                // their bits are no NaN

Result<Forest> forest_in(const StepContext& context) {
  const Tensor* tables[7] = {};
  for (size_t i = 0; i < 7; ++i) tables[i] = context.constant(i + 1);
  return ops::forest_of<float>(context.attributes, tables, context.in(0).shape.size(1));
}

// Where the nodes of a tree go, in slots of one node.
struct Placed {
  int32_t link;
  uint32_t depth;
  int64_t slot, child;  // child: the slot of the first child
};

// The first cache line holds three levels; every other block holds two children of one split and their children, on one line: a
// walk then touches a line for two levels, where breadth-first order touches one a level. Sibling order, blocks in the order
// of their parents, so children lie behind their parents.
class TreeLayout {
 public:
  Result<void> place(const Forest& forest, int32_t root, int64_t nodes_max) {
    nodes_.assign(1, {root, 0, 0, 0});
    next_ = 1;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].link < 0 || nodes_[i].child != 0) continue;
      const size_t first = nodes_.size();
      open_line_for(i == 0 ? 2 : size_of_block(forest, nodes_[i]));
      TRY(place_children(forest, i));
      for (size_t k = first; k < nodes_.size() && nodes_[k].depth == nodes_[i].depth + 1; ++k)
        if (nodes_[k].link >= 0) TRY(place_children(forest, k));
      if (std::ssize(nodes_) > nodes_max) return unsupported("wants trees that share no branch");
    }
    return {};
  }

  std::span<const Placed> nodes() const { return nodes_; }
  int64_t slots() const { return (next_ + kSlotsOfLine - 1) / kSlotsOfLine * kSlotsOfLine; }

 private:
  static constexpr int64_t kSlotsOfLine = 64 / sizeof(ForestNode);

  static int64_t size_of_block(const Forest& forest, const Placed& parent) {
    const ops::Split& split = forest.splits[static_cast<size_t>(parent.link)];
    return 2 + 2 * (split.link_true >= 0) + 2 * (split.link_false >= 0);
  }

  void open_line_for(int64_t slots) {
    const int64_t used = next_ % kSlotsOfLine;
    if (used + slots > kSlotsOfLine) next_ += kSlotsOfLine - used;
  }

  Result<void> place_children(const Forest& forest, size_t parent) {
    const Placed at = nodes_[parent];
    if (next_ - at.slot > kChildMax) return unsupported("wants trees of fewer nodes");
    const ops::Split& split = forest.splits[static_cast<size_t>(at.link)];
    nodes_[parent].child = next_;
    for (const int32_t link : {split.link_true, split.link_false}) nodes_.push_back({link, at.depth + 1, next_++, 0});
    return {};
  }

  std::vector<Placed> nodes_;
  int64_t next_ = 0;
};

bool is_leaf_of(const Forest& forest, int64_t leaf, int32_t& target) {
  const auto at = static_cast<size_t>(leaf);
  const int32_t begin = forest.leaf_starts[at];
  if (forest.leaf_starts[at + 1] - begin != 1) return false;
  const int32_t own = forest.leaf_targets[static_cast<size_t>(begin)];
  if (target < 0) target = own;
  return target == own;
}

// All leaves of a tree have one weight, of one target.
bool is_single(const Forest& forest, std::span<const Placed> places) {
  int32_t target = -1;
  for (const Placed& place : places)
    if (place.link < 0 && !is_leaf_of(forest, -1 - int64_t{place.link}, target)) return false;
  return true;
}

Result<ForestShape> shape_of(const Forest& forest, int64_t features) {
  ForestShape shape{
      .features = features, .targets = forest.targets, .trees = std::ssize(forest.roots), .leaves = forest.leaves()};
  for (const ops::Split& split : forest.splits) {
    if (split.flags & ops::kTestEqual) return unsupported("wants comparisons of order, not of equality");
    if (split.flags & ops::kNanHolds) shape.two_copies = true;
  }
  if (shape.columns() > kColumnsMax) return unsupported("wants at most " + std::to_string(kColumnsMax / 2) + " features");
  if (std::any_of(forest.leaf_weights.begin(), forest.leaf_weights.end(), [](float w) { return std::isnan(w); }))
    return unsupported("wants leaf weights that are numbers");
  TreeLayout layout;
  int64_t nodes_left = shape.trees + 2 * std::ssize(forest.splits);  // shared branches would be copied for each parent
  for (const int32_t root : forest.roots) {
    TRY(layout.place(forest, root, nodes_left));
    nodes_left -= std::ssize(layout.nodes());
    shape.nodes += layout.slots();
    shape.dense |= !is_single(forest, layout.nodes());
  }
  if (shape.nodes > std::numeric_limits<uint32_t>::max()) return unsupported("wants fewer than 2^32 nodes");
  if (shape.dense &&
      (shape.leaves > kLeavesMax || shape.leaves * shape.targets > kDenseFactorMax * (std::ssize(forest.leaf_weights) + 1)))
    return unsupported("wants leaves with weights of most targets");
  return shape;
}

ForestNode node_of(const Forest& forest, const ForestShape& shape, int32_t link, int64_t child) {
  if (link < 0) {
    const auto leaf = static_cast<size_t>(-1 - int64_t{link});
    const float value = shape.dense ? std::bit_cast<float>(static_cast<uint32_t>(leaf))
                                    : forest.leaf_weights[static_cast<size_t>(forest.leaf_starts[leaf])];
    return {value, 0, 0};
  }
  const ops::Split& split = forest.splits[static_cast<size_t>(link)];
  const int64_t copies = shape.two_copies ? 2 : 1, copy = split.flags & ops::kNanHolds ? 1 : 0;
  const int64_t column = 1 + copies * split.feature + copy;
  return {forest.thresholds[static_cast<size_t>(link)], static_cast<uint16_t>(column), static_cast<uint16_t>(child)};
}

void pack_leaves(const Forest& forest, const ForestShape& shape, float* out) {
  std::fill_n(out, shape.leaves * shape.targets, 0.0f);
  for (int64_t leaf = 0; leaf < shape.leaves; ++leaf)
    for (auto e = static_cast<size_t>(forest.leaf_starts[static_cast<size_t>(leaf)]);
         e < static_cast<size_t>(forest.leaf_starts[static_cast<size_t>(leaf) + 1]); ++e)
      out[leaf * shape.targets + forest.leaf_targets[e]] += forest.leaf_weights[e];
}

// Splits on the longest path from each node; children lie behind their parents.
std::vector<uint32_t> heights_of(const PackedForest& forest) {
  std::vector<uint32_t> heights(static_cast<size_t>(forest.shape.nodes), 0);
  for (size_t i = heights.size(); i-- > 0;)
    if (const size_t child = forest.nodes[i].child; child != 0)
      heights[i] = 1 + std::max(heights[i + child], heights[i + child + 1]);
  return heights;
}

}  // namespace

Result<ForestShape> forest_shape(const StepContext& context) {
  return shape_of(TRY(forest_in(context)), context.in(0).shape.size(1));
}

size_t forest_packed_bytes(const StepContext& context) {
  const auto shape = forest_shape(context);
  return shape ? shape->bytes() : 0;
}

void forest_pack(const StepContext& context, std::span<std::byte> packed) {
  const auto forest = forest_in(context);
  if (!forest) return;
  const auto shape = shape_of(*forest, context.in(0).shape.size(1));
  if (!shape || packed.size() != shape->bytes()) return;
  auto* const nodes = reinterpret_cast<ForestNode*>(packed.data());
  auto* const trees = reinterpret_cast<ForestTree*>(packed.data() + shape->trees_offset());
  std::fill_n(nodes, shape->nodes, ForestNode{0, 0, 0});
  TreeLayout layout;
  int64_t start = 0;
  for (int64_t t = 0; t < shape->trees; ++t) {
    const auto placed = layout.place(*forest, forest->roots[static_cast<size_t>(t)], shape->nodes);
    check(placed.ok(), "a forest whose shape was taken does not pack");
    ForestTree tree{static_cast<uint32_t>(start), 0, 0};
    for (const Placed& at : layout.nodes()) {
      nodes[start + at.slot] = node_of(*forest, *shape, at.link, at.child - at.slot);
      tree.depth = std::max(tree.depth, at.depth);
      int32_t target = -1;
      if (at.link < 0 && is_leaf_of(*forest, -1 - int64_t{at.link}, target)) tree.target = static_cast<uint32_t>(target);
    }
    trees[t] = tree;
    start += layout.slots();
  }
  if (shape->dense) pack_leaves(*forest, *shape, reinterpret_cast<float*>(packed.data() + shape->leaves_offset()));
}

Result<PackedForest> PackedForest::open(const ForestShape& shape, std::span<const std::byte> packed) {
  if (packed.size() != shape.bytes()) return invalid("the packed tree ensemble has the wrong size");
  PackedForest forest{shape, reinterpret_cast<const ForestNode*>(packed.data()),
                      reinterpret_cast<const ForestTree*>(packed.data() + shape.trees_offset()),
                      reinterpret_cast<const float*>(packed.data() + shape.leaves_offset())};
  for (int64_t i = 0; i < shape.nodes; ++i) {
    const ForestNode& node = forest.nodes[i];
    const bool is_leaf = node.child == 0;
    if (std::isnan(node.value) || node.feature >= shape.columns() ||
        (is_leaf ? node.feature != 0 : i + node.child + 1 >= shape.nodes) ||
        (is_leaf && shape.dense && std::bit_cast<uint32_t>(node.value) >= shape.leaves))
      return invalid("node " + std::to_string(i) + " of the packed tree ensemble is damaged");
  }
  const auto heights = heights_of(forest);
  for (int64_t t = 0; t < shape.trees; ++t)
    if (forest.trees[t].root >= shape.nodes || forest.trees[t].target >= shape.targets ||
        forest.trees[t].depth != heights[forest.trees[t].root])
      return invalid("tree " + std::to_string(t) + " of the packed tree ensemble is damaged");
  return forest;
}

}  // namespace tercel::kernels::simd
