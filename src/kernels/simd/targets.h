#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

// The baseline must be set before anything of Highway is read.
// clang-format off
#include "kernels/simd/baseline.h"
#include "hwy/targets.h"
// clang-format on
#include "platform/isa.h"

// Which instruction set a kernel of this folder runs on. Every *.cc with SIMD code is compiled once a Highway target
// (SSE4, AVX2, AVX3 = AVX-512 F/BW/DQ/VL); the row picks one from StepContext::isa when it binds, never while it runs.
namespace tercel::kernels::simd {

// Highway target bits that both the host and `isa` allow. kPortable leaves SSE4, the baseline of this folder.
int64_t allowed_targets(const platform::Isa& isa);

// False on a processor without SSE4.2: then the family has no rows.
bool host_has_baseline();

// "AVX3", "AVX2" or "SSE4": what for_isa() picks.
std::string target_name(const platform::Isa& isa);

// The best compiled and allowed function of a table made by HWY_EXPORT.
template <typename F>
F for_isa(F const (&table)[HWY_MAX_DYNAMIC_TARGETS + 2], const platform::Isa& isa) {
  const int64_t usable = HWY_CHOSEN_TARGET_SHIFT(allowed_targets(isa) & HWY_TARGETS);
  return table[hwy::Num0BitsBelowLS1Bit_Nonzero64(static_cast<uint64_t>(usable))];
}

}  // namespace tercel::kernels::simd
