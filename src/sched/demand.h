#pragma once

#include <span>

#include "sched/types.h"

namespace tercel::sched {

// A sporadic stream: at least `period_ns` between requests, give or take `jitter_ns`; each takes `cost_ns` at worst and must
// be done `deadline_ns` after it arrived.
struct Contract {
  TimeNs period_ns = 0;
  TimeNs deadline_ns = 0;
  TimeNs cost_ns = 0;
  TimeNs jitter_ns = 0;
};

// What the processor-demand test found. Where it fails: in some interval of `interval_ns`, work of `demand_ns` (blocking
// included) may have to be done.
struct DemandVerdict {
  bool fits = true;
  TimeNs interval_ns = 0;
  TimeNs demand_ns = 0;
  TimeNs excess_ns() const { return demand_ns - interval_ns; }
};

// Work that must be done inside any interval of length `interval_ns` (the demand-bound function of Baruah, Mok & Rosier,
// "Preemptively Scheduling Hard-Real-Time Sporadic Tasks on One Processor", 1990, with release jitter).
TimeNs demand_bound(std::span<const Contract> contracts, TimeNs interval_ns);

// Whether all meet their deadlines on one slot under non-preemptive EDF, when anything else may keep the slot busy for
// `blocking_ns` after a request arrived: for each interval t from the shortest deadline, demand_bound(t) + blocking <= t,
// where the longest request of a stream with a later deadline blocks too (Jeffay, Stanat & Martel, "On Non-Preemptive
// Scheduling of Periodic and Sporadic Tasks", 1991; the blocking is taken as constant in t, which is sufficient and errs to
// the safe side). Intervals are searched backwards by QPA (Zhang & Burns, "Schedulability Analysis for Real-Time Systems
// with EDF Scheduling", 2009). Costs must be positive, periods and deadlines at least 1.
DemandVerdict demand_test(std::span<const Contract> contracts, TimeNs blocking_ns);

// The longest blocking with which demand_test() passes; -1 when it fails without any.
TimeNs blocking_allowance(std::span<const Contract> contracts);

// Steps of the search after which a set is taken for not schedulable: utilisation so near to 1 that the test never ends.
inline constexpr uint32_t kDemandStepsMax = 1u << 20;

}  // namespace tercel::sched
