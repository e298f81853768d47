#include "kernels/families.h"
#include "kernels/x86/attention.h"
#include "kernels/x86/dense.h"
#include "kernels/x86/matmul.h"

namespace tercel::kernels {

namespace {

using x86::attention_accepts;
using x86::attention_bind;
using x86::dense_accepts;
using x86::dense_bind;
using x86::dense_pack;
using x86::dense_packed_bytes;
using x86::kAvx2Tall;
using x86::kAvx2Wide;
using x86::kAvx512Tall;
using x86::kAvx512Wide;
using x86::kPortableTiles;
using x86::matmul_accepts;
using x86::matmul_bind;
using x86::TileFamily;

template <const TileFamily& kFamily>
Result<Kernel> bind_dense(const StepContext& context) {
  return dense_bind(context, kFamily);
}
template <const TileFamily& kFamily>
size_t packed_bytes(const StepContext& context) {
  return dense_packed_bytes(context, kFamily);
}
template <const TileFamily& kFamily>
void pack(const StepContext& context, std::span<std::byte> packed) {
  dense_pack(context, kFamily, packed);
}
template <const TileFamily& kFamily>
constexpr Packing packing_of(std::string_view format) {
  return {format, inputs_at({1}), packed_bytes<kFamily>, pack<kFamily>};
}

template <const TileFamily& kFamily>
Result<Kernel> bind_matmul(const StepContext& context) {
  return matmul_bind(context, kFamily);
}
template <const TileFamily& kFamily>
Result<Kernel> bind_attention(const StepContext& context) {
  return attention_bind(context, kFamily);
}

// Format: floats of a panel's line, and the multiple that the last panel is rounded up to.
constexpr Packing kPanels32 = packing_of<kAvx512Tall>("dense/panel32-16"),
                  kPanels64 = packing_of<kAvx512Wide>("dense/panel64-16");
constexpr Packing kPanels16 = packing_of<kAvx2Tall>("dense/panel16-8"), kPanels24 = packing_of<kAvx2Wide>("dense/panel24-8");
constexpr Packing kPanels8 = packing_of<kPortableTiles>("dense/panel8-4");

constexpr KernelRow kRows[] = {
    {"tercel.Dense", "dense/gemm-avx512-6x64", platform::kAvx512, dense_accepts, bind_dense<kAvx512Wide>, &kPanels64},
    {"tercel.Dense", "dense/gemm-avx512-12x32", platform::kAvx512, dense_accepts, bind_dense<kAvx512Tall>, &kPanels32},
    {"tercel.Dense", "dense/gemm-avx2-6x16", platform::kAvx2, dense_accepts, bind_dense<kAvx2Tall>, &kPanels16},
    {"tercel.Dense", "dense/gemm-avx2-4x24", platform::kAvx2, dense_accepts, bind_dense<kAvx2Wide>, &kPanels24},
    {"tercel.Dense", "dense/gemm-portable", platform::kPortable, dense_accepts, bind_dense<kPortableTiles>, &kPanels8},
    {"MatMul", "matmul/avx512-6x64", platform::kAvx512, matmul_accepts, bind_matmul<kAvx512Wide>},
    {"MatMul", "matmul/avx512-12x32", platform::kAvx512, matmul_accepts, bind_matmul<kAvx512Tall>},
    {"MatMul", "matmul/avx2-6x16", platform::kAvx2, matmul_accepts, bind_matmul<kAvx2Tall>},
    {"MatMul", "matmul/avx2-4x24", platform::kAvx2, matmul_accepts, bind_matmul<kAvx2Wide>},
    {"MatMul", "matmul/portable", platform::kPortable, matmul_accepts, bind_matmul<kPortableTiles>},
    {"tercel.MatMul", "fused-matmul/avx512-6x64", platform::kAvx512, matmul_accepts, bind_matmul<kAvx512Wide>},
    {"tercel.MatMul", "fused-matmul/avx512-12x32", platform::kAvx512, matmul_accepts, bind_matmul<kAvx512Tall>},
    {"tercel.MatMul", "fused-matmul/avx2-6x16", platform::kAvx2, matmul_accepts, bind_matmul<kAvx2Tall>},
    {"tercel.MatMul", "fused-matmul/avx2-4x24", platform::kAvx2, matmul_accepts, bind_matmul<kAvx2Wide>},
    {"tercel.MatMul", "fused-matmul/portable", platform::kPortable, matmul_accepts, bind_matmul<kPortableTiles>},
    {"tercel.Attention", "attention/avx512-6x64", platform::kAvx512, attention_accepts, bind_attention<kAvx512Wide>},
    {"tercel.Attention", "attention/avx512-12x32", platform::kAvx512, attention_accepts, bind_attention<kAvx512Tall>},
    {"tercel.Attention", "attention/avx2-6x16", platform::kAvx2, attention_accepts, bind_attention<kAvx2Tall>},
    {"tercel.Attention", "attention/avx2-4x24", platform::kAvx2, attention_accepts, bind_attention<kAvx2Wide>},
    {"tercel.Attention", "attention/portable", platform::kPortable, attention_accepts, bind_attention<kPortableTiles>},
};

}  // namespace

std::span<const KernelRow> dense_rows() { return kRows; }

}  // namespace tercel::kernels
