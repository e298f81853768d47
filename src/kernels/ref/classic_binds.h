#pragma once

#include "kernels/kernel.h"

// Reference kernels of what ai.onnx.ml becomes (ops/classic.cc); listed in classic.cc.
namespace tercel::kernels {

Result<Kernel> bind_tree_ensemble(const StepContext& c);    // tree_ensemble.cc
Result<Kernel> bind_class_scores(const StepContext& c);     // class_scores.cc
Result<Kernel> bind_pairwise_scores(const StepContext& c);  // class_scores.cc
Result<Kernel> bind_post_transform(const StepContext& c);   // class_scores.cc

}  // namespace tercel::kernels
