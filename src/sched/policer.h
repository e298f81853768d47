#pragma once

#include <algorithm>

#include "sched/types.h"

namespace tercel::sched {

// Whether a stream keeps its contract: one request a period, each at most `jitter_ns` earlier than that. The generic cell
// rate algorithm of ITU-T I.371 (the virtual-scheduling form): no table, no averaging, no way to save up for a burst.
class Policer {
 public:
  Policer(TimeNs period_ns, TimeNs jitter_ns) : period_ns_(period_ns), jitter_ns_(jitter_ns) {}

  // True: inside the contract, and counted. False: excess, and not counted.
  bool conforms(TimeNs arrival_ns) {
    if (started_ && arrival_ns < expected_ns_ - jitter_ns_) return false;
    expected_ns_ = (started_ ? std::max(arrival_ns, expected_ns_) : arrival_ns) + period_ns_;
    started_ = true;
    return true;
  }

 private:
  TimeNs period_ns_, jitter_ns_;
  TimeNs expected_ns_ = 0;  // when the next request is due
  bool started_ = false;
};

}  // namespace tercel::sched
