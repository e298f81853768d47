#pragma once

#include <string>
#include <string_view>

namespace tercel::platform {

// Instruction sets that kernels are written for. The order is a ladder for x86 float kernels; int8 and fp16 features are
// separate bits because machines differ. Plans store the names.
struct Isa {
  bool avx2 = false;         // AVX2 + FMA + F16C
  bool avx512 = false;       // F, BW, DQ, VL (implies avx2)
  bool avx512_vnni = false;
  bool avx512_fp16 = false;
  bool operator==(const Isa&) const = default;

  bool covers(const Isa& needed) const {
    return (avx2 || !needed.avx2) && (avx512 || !needed.avx512) &&
           (avx512_vnni || !needed.avx512_vnni) && (avx512_fp16 || !needed.avx512_fp16);
  }
};

inline constexpr Isa kPortable{};
inline constexpr Isa kAvx2{.avx2 = true};
inline constexpr Isa kAvx512{.avx2 = true, .avx512 = true};

// What this process may use, from CPUID and XCR0; TERCEL_ISA=portable|avx2|avx512 lowers it (tests, comparisons).
const Isa& host_isa();

// "portable", "avx2", "avx512", "avx512_vnni", "avx512_vnni_fp16".
std::string_view isa_name(const Isa& isa);

// "AMD EPYC ..." as CPUID tells it, for reports.
std::string cpu_model();

// Flush-to-zero and denormals-are-zero for the calling thread: a denormal operand costs 20x on common cores.
void set_flush_denormals();

// Restores the caller's floating-point environment when it goes: engine entry points run on callers' threads.
class ScopedFlushDenormals {
 public:
  ScopedFlushDenormals();
  ~ScopedFlushDenormals();
  ScopedFlushDenormals(const ScopedFlushDenormals&) = delete;
  ScopedFlushDenormals& operator=(const ScopedFlushDenormals&) = delete;

 private:
  unsigned saved_;
};

}  // namespace tercel::platform
