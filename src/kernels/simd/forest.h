#pragma once

#include <cstdint>
#include <span>

#include "kernels/kernel.h"

// Tree ensembles laid out for walking: 8 bytes a node, the children of a split side by side, a cache line for every two levels.
// A step is one addition: node += child + !(x[feature] <= value). A leaf is a split that leads to itself, so trees of different
// depth are walked side by side without a branch: it compares `value` with column 0, which holds minus infinity.
//
// Rows are copied to kernel scratch first, as minus infinity and the features. Where the ensemble has splits whose test NaN
// passes, each feature comes twice, the second time with minus infinity for NaN: such splits read that one. So packed bytes do
// not depend on how many features a row has.
namespace tercel::kernels::simd {

struct ForestNode {
  float value;       // the threshold; of a leaf its weight, or (dense) the bits of its place among the leaves
  uint16_t feature;  // column of the copied row
  uint16_t child;    // of this split: how far the first child lies behind it; 0: a leaf
};
static_assert(sizeof(ForestNode) == 8);

struct ForestTree {
  uint32_t root;    // place among the nodes
  uint32_t target;  // of all its leaves (single)
  uint32_t depth;   // splits on its longest path
};

// Sizes of a packed ensemble and where its parts lie: nodes, trees, then (dense) targets numbers a leaf.
struct ForestShape {
  int64_t features = 0, targets = 0, trees = 0, nodes = 0, leaves = 0;
  bool dense = false;  // leaves have other than one weight, or a tree weights of several targets
  bool two_copies = false;
  int64_t columns() const { return 1 + features * (two_copies ? 2 : 1); }
  size_t trees_offset() const { return static_cast<size_t>(nodes) * sizeof(ForestNode); }
  size_t leaves_offset() const { return trees_offset() + static_cast<size_t>(trees) * sizeof(ForestTree); }
  size_t bytes() const { return leaves_offset() + (dense ? static_cast<size_t>(leaves * targets) * sizeof(float) : 0); }
};

// The shape of an ensemble, or why it has no such layout. Takes time in proportion to its splits.
Result<ForestShape> forest_shape(const StepContext& context);
size_t forest_packed_bytes(const StepContext& context);
void forest_pack(const StepContext& context, std::span<std::byte> packed);

// A packed ensemble. The view is checked by open(): whatever the bytes, a walk over any row stays within them.
struct PackedForest {
  ForestShape shape;
  const ForestNode* nodes = nullptr;
  const ForestTree* trees = nullptr;
  const float* leaves = nullptr;
  static Result<PackedForest> open(const ForestShape& shape, std::span<const std::byte> packed);
};

// Copies a row of features to columns().
void copy_row(const ForestShape& shape, const float* row, float* out);

// Adds trees begin..end-1, in this order, to `sums` [rows, targets] of copied rows `x` [rows, columns()]. The additions of a row
// do not depend on how many rows there are.
void add_trees(const PackedForest& forest, int64_t begin, int64_t end, const float* x, int64_t rows, double* sums);

}  // namespace tercel::kernels::simd
