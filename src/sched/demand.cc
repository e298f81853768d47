#include "sched/demand.h"

#include <algorithm>
#include <cmath>

namespace tercel::sched {
namespace {

double utilisation(std::span<const Contract> contracts) {
  double u = 0;
  for (const Contract& c : contracts) u += static_cast<double>(c.cost_ns) / static_cast<double>(c.period_ns);
  return u;
}

// The deadline of a stream whose jittered requests come as early as they may: what the demand function jumps at.
TimeNs effective_deadline(const Contract& c) { return std::max<TimeNs>(c.deadline_ns - c.jitter_ns, 1); }

// The last jump of the demand function before `t`; 0 when there is none.
TimeNs last_jump_before(std::span<const Contract> contracts, TimeNs t) {
  TimeNs last = 0;
  for (const Contract& c : contracts) {
    const TimeNs first = effective_deadline(c);
    if (first < t) last = std::max(last, first + (t - 1 - first) / c.period_ns * c.period_ns);
  }
  return last;
}

// Beyond it the demand cannot exceed the interval: (sum of (T - D)+ U + blocking) / (1 - U), and no less than any deadline.
TimeNs horizon(std::span<const Contract> contracts, TimeNs blocking_ns, double u) {
  double sum = static_cast<double>(blocking_ns);
  TimeNs longest = 0;
  for (const Contract& c : contracts) {
    const double share = static_cast<double>(c.cost_ns) / static_cast<double>(c.period_ns);
    sum += std::max(0.0, static_cast<double>(c.period_ns - effective_deadline(c))) * share;
    longest = std::max(longest, effective_deadline(c));
  }
  return std::max(longest, static_cast<TimeNs>(std::ceil(sum / (1 - u)))) + 1;
}

// The longest request that a stream with a later deadline than the first may have just started.
TimeNs inner_blocking(std::span<const Contract> contracts, TimeNs shortest) {
  TimeNs longest = 0;
  for (const Contract& c : contracts) {
    if (effective_deadline(c) > shortest) longest = std::max(longest, c.cost_ns);
  }
  return longest;
}

TimeNs shortest_deadline(std::span<const Contract> contracts) {
  TimeNs shortest = kNever;
  for (const Contract& c : contracts) shortest = std::min(shortest, effective_deadline(c));
  return shortest;
}

}  // namespace

TimeNs demand_bound(std::span<const Contract> contracts, TimeNs interval_ns) {
  TimeNs demand = 0;
  for (const Contract& c : contracts) {
    const TimeNs first = effective_deadline(c);
    if (interval_ns >= first) demand += ((interval_ns - first) / c.period_ns + 1) * c.cost_ns;
  }
  return demand;
}

DemandVerdict demand_test(std::span<const Contract> contracts, TimeNs blocking_ns) {
  if (contracts.empty()) return {};
  const double u = utilisation(contracts);
  if (u >= 1) {
    TimeNs longest = 0;
    for (const Contract& c : contracts) longest = std::max({longest, c.period_ns, effective_deadline(c)});
    const auto demand = static_cast<TimeNs>(static_cast<double>(longest) * u);
    return {false, longest, std::max(demand, longest)};
  }
  const TimeNs shortest = shortest_deadline(contracts);
  const TimeNs blocking = std::max(blocking_ns, inner_blocking(contracts, shortest));
  TimeNs t = last_jump_before(contracts, horizon(contracts, blocking, u));
  for (uint32_t step = 0; step < kDemandStepsMax; ++step) {
    const TimeNs demand = demand_bound(contracts, t) + blocking;
    if (demand > t) return {false, t, demand};
    if (demand <= shortest) return {};
    t = demand < t ? demand : last_jump_before(contracts, t);
    if (t < shortest) return {};
  }
  return {false, t, t};
}

TimeNs blocking_allowance(std::span<const Contract> contracts) {
  if (contracts.empty()) return kNever;
  if (!demand_test(contracts, 0).fits) return -1;
  TimeNs fits = 0, fails = shortest_deadline(contracts) + 1;
  while (fails - fits > 1) {
    const TimeNs middle = fits + (fails - fits) / 2;
    (demand_test(contracts, middle).fits ? fits : fails) = middle;
  }
  return fits;
}

}  // namespace tercel::sched
