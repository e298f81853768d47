#include <vector>

#include "kernels/families.h"
#include "kernels/simd/rows.h"
#include "kernels/simd/targets.h"

namespace tercel::kernels {

namespace {

using Family = std::span<const KernelRow> (*)();
constexpr Family kFamilies[] = {simd::elementwise_rows, simd::softmax_rows, simd::layer_norm_rows, simd::channel_norm_rows,
                                simd::reduce_rows,      simd::pool_rows,    simd::move_rows,       simd::gather_rows,
                                simd::recurrent_rows,   simd::cast_rows,    simd::forest_rows,
                                simd::distance_rows};

}  // namespace

std::span<const KernelRow> simd_rows() {
  static const std::vector<KernelRow> rows = [] {
    std::vector<KernelRow> joined;
    if (!simd::host_has_baseline()) return joined;
    for (const Family family : kFamilies) joined.insert(joined.end(), family().begin(), family().end());
    return joined;
  }();
  return rows;
}

}  // namespace tercel::kernels
