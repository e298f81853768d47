#include "doctor/interruptions.h"

#include <algorithm>

#include "platform/clock.h"

namespace tercel::doctor {

Interruptions watch_interruptions(double seconds) {
  const int64_t start = platform::now_ns(), end = start + static_cast<int64_t>(seconds * 1e9);
  int64_t before = start, longest = 0, lost = 0;
  Interruptions found;
  while (before < end) {
    const int64_t now = platform::now_ns(), gap = now - before;
    before = now;
    if (gap <= Interruptions::kGapNs) continue;
    longest = std::max(longest, gap);
    lost += gap;
    found.over_100us += gap > 100'000;
  }
  found.seconds = static_cast<double>(before - start) / 1e9;
  found.longest_us = static_cast<double>(longest) / 1e3;
  found.lost_share = before > start ? static_cast<double>(lost) / static_cast<double>(before - start) : 0;
  return found;
}

}  // namespace tercel::doctor
