#pragma once

#include "ops/attributes.h"
#include "ops/op.h"

// tercel.TreeEnsemble: what the importer makes of the tree operators of ai.onnx.ml. Every comparison is brought to one of two
// forms and the long attribute lists to small tables, so that kernels and plans see compact constant tensors.
//
//   inputs   0 X [N, F]       float32 or float64 (T below)
//            1 splits [S, 4]  int32: feature, SplitFlags, link when the test holds, link when it does not
//            2 thresholds [S] T
//            3 roots [R]      int32: the link of each tree
//            4 leaf_starts [L + 1], 5 leaf_targets [E] int32, 6 leaf_weights [E] T: leaf l adds leaf_weights[e] to
//              leaf_targets[e] for e in leaf_starts[l] .. leaf_starts[l + 1] - 1
//            7 base [targets] T, optional: added at the end
//   output   Y [N, targets] T
//   attributes: targets; aggregate = SUM, AVERAGE (over trees), MIN or MAX (over the weights a target gets; 0 without any)
//
// A link l >= 0 is split l, l < 0 is leaf -1 - l. Links of a split go to later splits only, so every walk ends. The test of a
// split is x <= threshold, or x == threshold with kTestEqual; NaN takes the branch that kNanHolds says.
namespace tercel::ops {

enum SplitFlags : int32_t { kTestEqual = 1, kNanHolds = 2 };
enum class Aggregate : uint8_t { kSum, kAverage, kMin, kMax };

inline constexpr int64_t kTargetsMax = int64_t{1} << 16;      // targets or classes of one ensemble
inline constexpr int64_t kForestNodesMax = int64_t{1} << 30;  // splits, leaves and leaf weights of one ensemble, each

Result<Aggregate> aggregate_of(const Attributes& attributes);

struct Split {
  int32_t feature, flags, link_true, link_false;
};

// The tables of one node, their sizes and contents checked: whatever a walk over any row of `features` numbers reads exists.
// The view keeps the tables alive.
template <typename T>
struct Forest {
  std::span<const Split> splits;
  std::span<const T> thresholds;
  std::span<const int32_t> roots, leaf_starts, leaf_targets;
  std::span<const T> leaf_weights, base;
  int64_t targets = 0;
  Aggregate aggregate = Aggregate::kSum;
  std::vector<Tensor> tables;

  int64_t leaves() const { return static_cast<int64_t>(leaf_starts.size()) - 1; }
  int64_t leaf_of(const T* row, int32_t link) const;
};

// `tables`: inputs 1 to 7, null where absent.
template <typename T>
Result<Forest<T>> forest_of(const Attributes& attributes, std::span<const Tensor* const> tables, int64_t features);

// Implementation details; readers may stop here.

template <typename T>
int64_t Forest<T>::leaf_of(const T* row, int32_t link) const {
  while (link >= 0) {
    const Split& split = splits[static_cast<size_t>(link)];
    const T x = row[split.feature], threshold = thresholds[static_cast<size_t>(link)];
    const bool holds = x != x ? (split.flags & kNanHolds) != 0 : split.flags & kTestEqual ? x == threshold : x <= threshold;
    link = holds ? split.link_true : split.link_false;
  }
  return -1 - static_cast<int64_t>(link);
}

}  // namespace tercel::ops
