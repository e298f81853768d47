#pragma once

#include <algorithm>
#include <span>

#include "sched/types.h"

namespace tercel::sched {

// When slots that become free after `free_in_ns` (ascending) have done `work_ns`, if each gives the share `share` of its
// time: the level to which the work fills the slots. A request behind that work starts no later on slots that are never
// idle while something waits (the argument of Graham, "Bounds on Multiprocessing Timing Anomalies", 1969): until it starts,
// every slot that has become free is busy with work in front of it.
inline TimeNs fill_level(std::span<const TimeNs> free_in_ns, double share, TimeNs work_ns) {
  constexpr double kFarAway = 1e18;
  double work = static_cast<double>(work_ns);
  for (size_t free = 1; free <= free_in_ns.size(); ++free) {
    const double rate = static_cast<double>(free) * share;
    const TimeNs from = free_in_ns[free - 1];
    if (free == free_in_ns.size()) return from + static_cast<TimeNs>(std::min(work / rate, kFarAway));
    const double room = static_cast<double>(free_in_ns[free] - from) * rate;
    if (work <= room) return from + static_cast<TimeNs>(std::min(work / rate, kFarAway));
    work -= room;
  }
  return 0;
}

}  // namespace tercel::sched
