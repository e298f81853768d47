#pragma once

#include "kernels/kernel.h"

// Binders of the matrix family that live in files of their own; matrix.cc lists the rows.
namespace tercel::kernels {

// product.cc
Result<Kernel> bind_matmul(const StepContext& c);
Result<Kernel> bind_scaled_matmul(const StepContext& c);  // tercel.MatMul
Result<Kernel> bind_gemm(const StepContext& c);
Result<Kernel> bind_dense(const StepContext& c);  // tercel.Dense

// conv.cc
Result<Kernel> bind_conv(const StepContext& c);

Result<Kernel> bind_conv_transpose(const StepContext& c);  // conv_transpose.cc
Result<Kernel> bind_deform_conv(const StepContext& c);     // deform_conv.cc
Result<Kernel> bind_max_unpool(const StepContext& c);      // unpool.cc
Result<Kernel> bind_einsum(const StepContext& c);          // einsum.cc
Result<Kernel> bind_det(const StepContext& c);             // det.cc
Result<Kernel> bind_cdist(const StepContext& c);           // distance.cc

// pool.cc
Result<Kernel> bind_max_pool(const StepContext& c);
Result<Kernel> bind_average_pool(const StepContext& c);
Result<Kernel> bind_lp_pool(const StepContext& c);
Result<Kernel> bind_global_average_pool(const StepContext& c);
Result<Kernel> bind_global_max_pool(const StepContext& c);
Result<Kernel> bind_global_lp_pool(const StepContext& c);

}  // namespace tercel::kernels
