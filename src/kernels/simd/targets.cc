#include "kernels/simd/targets.h"

namespace tercel::kernels::simd {

int64_t allowed_targets(const platform::Isa& isa) {
  int64_t targets = hwy::SupportedTargets() | HWY_SSE4;
  if (!isa.avx512) targets &= ~static_cast<int64_t>(HWY_AVX3 | HWY_AVX3_DL);
  if (!isa.avx2) targets &= ~static_cast<int64_t>(HWY_AVX2 | HWY_AVX3 | HWY_AVX3_DL);
  return targets;
}

bool host_has_baseline() { return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul"); }

std::string target_name(const platform::Isa& isa) {
  const int64_t usable = allowed_targets(isa) & HWY_TARGETS;
  return hwy::TargetName(usable & -usable);
}

}  // namespace tercel::kernels::simd
