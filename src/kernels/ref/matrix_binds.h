#pragma once

#include "kernels/kernel.h"

// Binders of the matrix family that live in files of their own; matrix.cc lists the rows.
namespace tercel::kernels {

// product.cc
Result<Kernel> bind_matmul(const StepContext& c);  // also tercel.MatMul
Result<Kernel> bind_gemm(const StepContext& c);
Result<Kernel> bind_dense(const StepContext& c);   // tercel.Dense

// conv.cc
Result<Kernel> bind_conv(const StepContext& c);

// pool.cc
Result<Kernel> bind_max_pool(const StepContext& c);
Result<Kernel> bind_average_pool(const StepContext& c);
Result<Kernel> bind_lp_pool(const StepContext& c);
Result<Kernel> bind_global_average_pool(const StepContext& c);
Result<Kernel> bind_global_max_pool(const StepContext& c);
Result<Kernel> bind_global_lp_pool(const StepContext& c);

}  // namespace tercel::kernels
