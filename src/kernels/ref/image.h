#pragma once

#include "kernels/kernel.h"
#include "ops/image.h"

// Binders of the image operators; image.cc lists them.
namespace tercel::kernels {

Result<Kernel> bind_resize(const StepContext& context);               // resize.cc
Result<Kernel> bind_grid_sample(const StepContext& context);          // grid_sample.cc
Result<Kernel> bind_affine_grid(const StepContext& context);          // grid_sample.cc
Result<Kernel> bind_roi_align(const StepContext& context);            // regions.cc
Result<Kernel> bind_max_roi_pool(const StepContext& context);         // regions.cc
Result<Kernel> bind_non_max_suppression(const StepContext& context);  // regions.cc

// Weights of cubic convolution for the elements at floor(x) - 1 .. floor(x) + 2, where `ratio` = x - floor(x).
void cubic_weights(double ratio, double a, double (&weights)[4]);

}  // namespace tercel::kernels
