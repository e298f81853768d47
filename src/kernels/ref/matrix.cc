#include "kernels/families.h"
#include "kernels/ref/matrix_binds.h"

namespace tercel::kernels {

namespace {

constexpr KernelRow row(std::string_view op, std::string_view name, Result<Kernel> (*bind)(const StepContext&)) {
  return {op, name, platform::kPortable, nullptr, bind};
}

constexpr KernelRow kRows[] = {
    row("AveragePool", "averagepool/ref", bind_average_pool),
    row("CDist", "cdist/ref", bind_cdist),
    row("Conv", "conv/ref", bind_conv),
    row("ConvTranspose", "convtranspose/ref", bind_conv_transpose),
    row("DeformConv", "deformconv/ref", bind_deform_conv),
    row("Det", "det/ref", bind_det),
    row("Einsum", "einsum/ref", bind_einsum),
    row("Gemm", "gemm/ref", bind_gemm),
    row("GlobalAveragePool", "globalaveragepool/ref", bind_global_average_pool),
    row("GlobalLpPool", "globallppool/ref", bind_global_lp_pool),
    row("GlobalMaxPool", "globalmaxpool/ref", bind_global_max_pool),
    row("LpPool", "lppool/ref", bind_lp_pool),
    row("MatMul", "matmul/ref", bind_matmul),
    row("MaxPool", "maxpool/ref", bind_max_pool),
    row("MaxUnpool", "maxunpool/ref", bind_max_unpool),
};

}  // namespace

std::span<const KernelRow> ref_matrix_rows() { return kRows; }

}  // namespace tercel::kernels
