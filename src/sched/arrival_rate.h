#pragma once

#include <algorithm>

#include "sched/types.h"

namespace tercel::sched {

// Rows that arrive in a nanosecond: exponentially weighted means of rows and of gaps, over about 128 and about 512 arrivals.
// Their ratio is the rate; the larger of the two is given, so a burst counts at once and is forgotten slowly.
class ArrivalRate {
 public:
  void arrived(TimeNs at_ns, uint32_t rows) {
    if (last_ns_ != kNever) {
      const auto gap = static_cast<double>(std::max<TimeNs>(at_ns - last_ns_, 0));
      brief_.add(gap, rows, 1.0 / 128);
      lasting_.add(gap, rows, 1.0 / 512);
    }
    last_ns_ = at_ns;
  }
  double rows_per_ns() const { return std::max(brief_.rate(), lasting_.rate()); }

 private:
  struct Mean {
    double gap = 0, rows = 0;  // both begin at 0, so their ratio is right from the first gap on
    void add(double gap_ns, uint32_t count, double weight) {
      gap += weight * (gap_ns - gap);
      rows += weight * (count - rows);
    }
    double rate() const { return gap > 0 ? rows / gap : 0; }
  };

  TimeNs last_ns_ = kNever;
  Mean brief_, lasting_;
};

}  // namespace tercel::sched
