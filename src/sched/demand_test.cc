#include "sched/demand.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "sched/capacity.h"
#include "sched/policer.h"

namespace tercel::sched {
namespace {

TEST(Demand, CountsWhatMustBeDone) {
  const Contract one[] = {{.period_ns = 10, .deadline_ns = 4, .cost_ns = 3}};
  EXPECT_EQ(demand_bound(one, 3), 0);
  EXPECT_EQ(demand_bound(one, 4), 3);
  EXPECT_EQ(demand_bound(one, 13), 3);
  EXPECT_EQ(demand_bound(one, 14), 6);
  const Contract early[] = {{.period_ns = 10, .deadline_ns = 4, .cost_ns = 3, .jitter_ns = 2}};
  EXPECT_EQ(demand_bound(early, 2), 3);
}

TEST(Demand, AStreamAloneFitsUpToItsDeadline) {
  const Contract one[] = {{.period_ns = 5'000, .deadline_ns = 5'000, .cost_ns = 1'000}};
  EXPECT_TRUE(demand_test(one, 0).fits);
  EXPECT_EQ(blocking_allowance(one), 4'000);
  const DemandVerdict verdict = demand_test(one, 4'500);
  ASSERT_FALSE(verdict.fits);
  EXPECT_EQ(verdict.interval_ns, 5'000);
  EXPECT_EQ(verdict.excess_ns(), 500);
}

TEST(Demand, ALongRequestWithALateDeadlineBlocksAShortOne) {
  const Contract two[] = {{.period_ns = 100, .deadline_ns = 10, .cost_ns = 5},
                          {.period_ns = 1'000, .deadline_ns = 1'000, .cost_ns = 6}};
  EXPECT_FALSE(demand_test(two, 0).fits) << "5 + 6 in an interval of 10";
  EXPECT_EQ(blocking_allowance(two), -1);
}

TEST(Demand, RefusesMoreThanOneSlot) {
  const Contract two[] = {{.period_ns = 10, .deadline_ns = 10, .cost_ns = 6}, {.period_ns = 10, .deadline_ns = 10, .cost_ns = 5}};
  const DemandVerdict verdict = demand_test(two, 0);
  EXPECT_FALSE(verdict.fits);
  EXPECT_GT(verdict.excess_ns(), 0);
}

TEST(Demand, NothingReservedBearsAnything) {
  EXPECT_TRUE(demand_test({}, 1'000'000).fits);
  EXPECT_EQ(blocking_allowance({}), kNever);
}

// QPA looks at few points; all points up to far beyond the horizon must agree with it.
TEST(Demand, AgreesWithEveryPoint) {
  std::mt19937_64 random(11);
  const auto below = [&](int64_t n) { return static_cast<TimeNs>(random() % static_cast<uint64_t>(n)); };
  int fitted = 0, failed = 0;
  for (int round = 0; round < 4000; ++round) {
    std::vector<Contract> set(1 + static_cast<size_t>(below(4)));
    for (Contract& c : set) {
      c.period_ns = 5 + below(40);
      c.deadline_ns = 2 + below(60);
      c.cost_ns = 1 + below(8);
      c.jitter_ns = below(3) == 0 ? below(c.deadline_ns) : 0;
    }
    double u = 0;
    TimeNs shortest = kNever, inner = 0;
    for (const Contract& c : set) {
      u += static_cast<double>(c.cost_ns) / static_cast<double>(c.period_ns);
      shortest = std::min(shortest, std::max<TimeNs>(c.deadline_ns - c.jitter_ns, 1));
    }
    for (const Contract& c : set) {
      if (std::max<TimeNs>(c.deadline_ns - c.jitter_ns, 1) > shortest) inner = std::max(inner, c.cost_ns);
    }
    const TimeNs blocking = below(10);
    if (u > 0.97) continue;  // every point would take long
    bool fits = true;
    for (TimeNs t = shortest; t < 20'000 && fits; ++t) fits = demand_bound(set, t) + std::max(blocking, inner) <= t;
    const DemandVerdict verdict = demand_test(set, blocking);
    ASSERT_EQ(verdict.fits, fits) << "round " << round;
    if (!fits) {
      EXPECT_EQ(verdict.demand_ns, demand_bound(set, verdict.interval_ns) + std::max(blocking, inner)) << "round " << round;
    }
    ++(fits ? fitted : failed);
    const TimeNs allowance = blocking_allowance(set);
    if (allowance >= 0) {
      EXPECT_TRUE(demand_test(set, allowance).fits) << "round " << round;
      EXPECT_FALSE(demand_test(set, allowance + 1).fits) << "round " << round;
    }
  }
  EXPECT_GT(fitted, 200);
  EXPECT_GT(failed, 200);
}

TEST(Policer, LetsAPeriodicStreamThroughAndNothingMore) {
  Policer policer(1'000, 0);
  for (TimeNs t = 0; t < 10'000; t += 1'000) EXPECT_TRUE(policer.conforms(t)) << t;
  EXPECT_FALSE(policer.conforms(9'500));
  EXPECT_FALSE(policer.conforms(9'999));
  EXPECT_TRUE(policer.conforms(10'000)) << "excess is not counted against the stream";
  EXPECT_TRUE(policer.conforms(20'000));
  EXPECT_FALSE(policer.conforms(20'500)) << "silence earns no burst";
}

TEST(Policer, ForgivesJitterButNotARate) {
  Policer policer(1'000, 200);
  EXPECT_TRUE(policer.conforms(0));
  EXPECT_TRUE(policer.conforms(800));
  EXPECT_FALSE(policer.conforms(1'700));
  EXPECT_TRUE(policer.conforms(1'800));
  int conforming = 0;
  Policer fast(1'000, 200);
  for (TimeNs t = 0; t < 1'000'000; t += 900) conforming += fast.conforms(t);
  EXPECT_LE(conforming, 1'001);
}

TEST(FillLevel, PoursWorkIntoTheSlotsThatAreFree) {
  const TimeNs one[] = {5};
  EXPECT_EQ(fill_level(one, 1, 0), 5);
  EXPECT_EQ(fill_level(one, 1, 10), 15);
  EXPECT_EQ(fill_level(one, 0.5, 10), 25);
  const TimeNs three[] = {0, 10, 1'000'000};
  EXPECT_EQ(fill_level(three, 1, 0), 0);
  EXPECT_EQ(fill_level(three, 1, 8), 8);
  EXPECT_EQ(fill_level(three, 1, 30), 20) << "10 on the first alone, then 20 on two";
}

}  // namespace
}  // namespace tercel::sched
