#pragma once

#include "kernels/kernel.h"
#include "ops/axes.h"

// Binders of the reduction family that live in files of their own; reduction.cc lists the rows.
namespace tercel::kernels {

// The axes of a ReduceX step, whose second input is known while binding.
Result<ops::AxisSet> reduced_axes_of(const StepContext& c);

// softmax.cc
Result<Kernel> bind_softmax(const StepContext& c);
Result<Kernel> bind_log_softmax(const StepContext& c);
Result<Kernel> bind_hardmax(const StepContext& c);
Result<Kernel> bind_lp_normalization(const StepContext& c);

// normalization.cc
Result<Kernel> bind_layer_normalization(const StepContext& c);
Result<Kernel> bind_skip_layer_normalization(const StepContext& c);
Result<Kernel> bind_rms_normalization(const StepContext& c);
Result<Kernel> bind_batch_normalization(const StepContext& c);
Result<Kernel> bind_instance_normalization(const StepContext& c);
Result<Kernel> bind_group_normalization(const StepContext& c);
Result<Kernel> bind_mean_variance_normalization(const StepContext& c);
Result<Kernel> bind_lrn(const StepContext& c);

// loss.cc
Result<Kernel> bind_negative_log_likelihood(const StepContext& c);
Result<Kernel> bind_softmax_cross_entropy(const StepContext& c);

// scan.cc
Result<Kernel> bind_arg_max(const StepContext& c);
Result<Kernel> bind_arg_min(const StepContext& c);
Result<Kernel> bind_cum_sum(const StepContext& c);
Result<Kernel> bind_cum_prod(const StepContext& c);

}  // namespace tercel::kernels
