#include "platform/isa.h"

#include <cpuid.h>
#include <immintrin.h>

#include <cstdlib>
#include <cstring>

namespace tercel::platform {

namespace {

Isa detect() {
  Isa isa;
  __builtin_cpu_init();
  isa.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & (1u << 29))) isa.avx2 = false;  // F16C
  isa.avx512 = isa.avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  isa.avx512_vnni = isa.avx512 && __builtin_cpu_supports("avx512vnni");
  if (isa.avx512 && __get_cpuid_count(7, 0, &a, &b, &c, &d)) isa.avx512_fp16 = d & (1u << 23);
  return isa;
}

Isa lowered(Isa isa) {
  const char* wanted = std::getenv("TERCEL_ISA");
  if (!wanted) return isa;
  if (!std::strcmp(wanted, "portable")) return kPortable;
  if (!std::strcmp(wanted, "avx2")) return isa.avx2 ? kAvx2 : kPortable;
  if (!std::strcmp(wanted, "avx512")) return isa.avx512 ? kAvx512 : isa.avx2 ? kAvx2 : kPortable;
  return isa;
}

}  // namespace

const Isa& host_isa() {
  static const Isa isa = lowered(detect());
  return isa;
}

std::string_view isa_name(const Isa& isa) {
  if (isa.avx512 && isa.avx512_vnni && isa.avx512_fp16) return "avx512_vnni_fp16";
  if (isa.avx512 && isa.avx512_vnni) return "avx512_vnni";
  if (isa.avx512) return "avx512";
  return isa.avx2 ? "avx2" : "portable";
}

std::string cpu_model() {
  unsigned words[12] = {};
  for (unsigned i = 0; i < 3; ++i)
    if (!__get_cpuid(0x80000002 + i, &words[i * 4], &words[i * 4 + 1], &words[i * 4 + 2], &words[i * 4 + 3])) return "unknown";
  char text[49] = {};
  std::memcpy(text, words, 48);
  std::string name = text;
  while (!name.empty() && name.back() == ' ') name.pop_back();
  while (!name.empty() && name.front() == ' ') name.erase(name.begin());
  return name;
}

namespace {
constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;
}

void set_flush_denormals() { _mm_setcsr(_mm_getcsr() | kFlushToZero | kDenormalsAreZero); }

ScopedFlushDenormals::ScopedFlushDenormals() : saved_(_mm_getcsr()) { set_flush_denormals(); }
ScopedFlushDenormals::~ScopedFlushDenormals() { _mm_setcsr(saved_); }

}  // namespace tercel::platform
