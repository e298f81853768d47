#pragma once

#include <time.h>

#include <cstdint>

namespace tercel::platform {

// Nanoseconds of the monotonic clock. The only clock but load/clock.h; reads it without a syscall (vDSO).
inline int64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

}  // namespace tercel::platform
