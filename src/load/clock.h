#pragma once

#include <time.h>

#include <cstdint>

namespace tercel::load {

// The generator's own clock. It is not platform/clock.h on purpose: what measures a server must not share a mistake with it.

inline int64_t read_clock_ns(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

// Nanoseconds of the monotonic clock.
inline int64_t now_ns() { return read_clock_ns(CLOCK_MONOTONIC); }
// CPU time that the calling thread has used.
inline int64_t thread_cpu_ns() { return read_clock_ns(CLOCK_THREAD_CPUTIME_ID); }
// Seconds since 1970, for the date of a report; nothing is measured with it.
inline int64_t epoch_seconds() { return read_clock_ns(CLOCK_REALTIME) / 1'000'000'000; }

}  // namespace tercel::load
