#pragma once

#include <cstdint>

namespace tercel::doctor {

// How often a thread that only wants to compute is stopped: it reads the clock without pause and notes the gaps. A gap is
// an interrupt, another thread, or the hypervisor; what a request sees, whatever its engine does.
struct Interruptions {
  double seconds = 0;  // watched
  double longest_us = 0;
  double lost_share = 0;    // of the time, in gaps longer than kGapNs
  uint64_t over_100us = 0;  // gaps

  static constexpr int64_t kGapNs = 5'000;  // more than a clock read, or a cache miss, can take
};

// Keeps the calling thread busy for `seconds`.
Interruptions watch_interruptions(double seconds);

}  // namespace tercel::doctor
