#include <bit>
#include <cmath>
#include <limits>

#include "kernels/simd/forest.h"

namespace tercel::kernels::simd {

namespace {

// Walks that go side by side: a step waits some fifteen cycles for its two loads and the comparison.
constexpr int kWalks = 16;
// Trees deeper than this are seldom full: whether all walks have ended is asked every kStepsBetween steps.
constexpr uint32_t kFullDepth = 8, kStepsBetween = 4;

inline const ForestNode* step(const ForestNode* node, const float* row) {
  return node + node->child + (row[node->feature] <= node->value ? 0 : 1);
}

// `x(lane)` is the row of a walk, `at` its node.
template <typename Row>
inline void walk(const ForestNode* (&at)[kWalks], uint32_t depth, const Row& x) {
  const auto steps = [&](uint32_t count) {
    for (; count > 0; --count)
      for (int lane = 0; lane < kWalks; ++lane) at[lane] = step(at[lane], x(lane));
  };
  if (depth <= kFullDepth) return steps(depth);
  steps(kFullDepth);
  for (uint32_t done = kFullDepth; done < depth; done += kStepsBetween) {
    int open = 0;
    for (int lane = 0; lane < kWalks; ++lane) open |= at[lane]->child;
    if (open == 0) return;
    steps(kStepsBetween);
  }
}

inline void add_leaf(const PackedForest& forest, const ForestTree& tree, const ForestNode& leaf, double* sums) {
  if (!forest.shape.dense) {
    sums[tree.target] += static_cast<double>(leaf.value);
    return;
  }
  const int64_t targets = forest.shape.targets;
  const float* const weights = forest.leaves + static_cast<int64_t>(std::bit_cast<uint32_t>(leaf.value)) * targets;
  for (int64_t k = 0; k < targets; ++k) sums[k] += static_cast<double>(weights[k]);
}

void add_trees_of_row(const PackedForest& forest, int64_t begin, int64_t end, const float* row, double* sums) {
  int64_t t = begin;
  for (; t + kWalks <= end; t += kWalks) {
    const ForestNode* at[kWalks];
    uint32_t depth = 0;
    for (int lane = 0; lane < kWalks; ++lane) {
      at[lane] = forest.nodes + forest.trees[t + lane].root;
      depth = std::max(depth, forest.trees[t + lane].depth);
    }
    walk(at, depth, [row](int) { return row; });
    for (int lane = 0; lane < kWalks; ++lane) add_leaf(forest, forest.trees[t + lane], *at[lane], sums);
  }
  for (; t < end; ++t) {
    const ForestNode* at = forest.nodes + forest.trees[t].root;
    for (uint32_t i = 0; i < forest.trees[t].depth && at->child != 0; ++i) at = step(at, row);
    add_leaf(forest, forest.trees[t], *at, sums);
  }
}

// kWalks rows in one tree.
void add_tree_of_rows(const PackedForest& forest, const ForestTree& tree, const float* x, double* sums) {
  const int64_t columns = forest.shape.columns();
  const ForestNode* at[kWalks];
  for (auto& node : at) node = forest.nodes + tree.root;
  walk(at, tree.depth, [x, columns](int lane) { return x + lane * columns; });
  for (int lane = 0; lane < kWalks; ++lane) add_leaf(forest, tree, *at[lane], sums + lane * forest.shape.targets);
}

}  // namespace

void copy_row(const ForestShape& shape, const float* row, float* out) {
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  const int64_t features = shape.features;
  *out++ = kLowest;
  for (int64_t i = 0; i < features; ++i) {
    *out++ = row[i];
    if (shape.two_copies) *out++ = std::isnan(row[i]) ? kLowest : row[i];
  }
}

void add_trees(const PackedForest& forest, int64_t begin, int64_t end, const float* x, int64_t rows, double* sums) {
  const int64_t together = rows - rows % kWalks, columns = forest.shape.columns(), targets = forest.shape.targets;
  if (together > 0)
    for (int64_t t = begin; t < end; ++t)
      for (int64_t row = 0; row < together; row += kWalks)
        add_tree_of_rows(forest, forest.trees[t], x + row * columns, sums + row * targets);
  for (int64_t row = together; row < rows; ++row) add_trees_of_row(forest, begin, end, x + row * columns, sums + row * targets);
}

}  // namespace tercel::kernels::simd
