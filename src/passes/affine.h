#pragma once

#include "passes/match.h"

// Constant per-channel multiply-adds, and folding them into the weights of the linear operators beside them. Linear here is
// Conv, ConvTranspose and tercel.Dense with constant float32 weights, constant or no bias, no residual and no activation.
// All arithmetic is in double; the new weights are new constants, so shared weights stay as they are for other readers.
namespace tercel::passes {

// y = x * scale[c] + shift[c] for channel c.
struct Affine {
  std::vector<double> scale, shift;
};

struct Linear {
  int64_t inputs = 0, outputs = 0;  // channels
  int axis = 1;                     // of the channels in its output
};
// What kind of linear operator a node is; nullopt when it is none, or cannot take a fold.
std::optional<Linear> linear_of(const Editor& e, const Node& node);

// A BatchNormalization with constant parameters outside training.
std::optional<Affine> batch_norm_affine(const Editor& e, const Node& node);
// A Mul, Div, Add or Sub of `x` and a constant that is one number or one number a channel along `axis`, and that leaves the
// shape of x alone.
std::optional<Affine> binary_affine(const Editor& e, const Node& node, ValueId x, int axis, int64_t channels);

// The linear node followed by `affine`, as one node. Its output is the caller's to set.
Result<Node> fold_after(Editor& e, const Node& linear, const Affine& affine);
// Folds the only reader of linear node `id` into it when it is a binary_affine; false when it is not.
Result<bool> fold_reader(Editor& e, NodeId id);
// `affine`, whose output is input 0 of the linear node, and the node, as one node that reads `x`; nullopt when a shifted
// border would differ from a padded one.
Result<std::optional<Node>> fold_before(Editor& e, const Node& linear, const Affine& affine, ValueId x);

}  // namespace tercel::passes
