#include "engine/latency_watch.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <limits>
#include <random>

namespace tercel::engine {
namespace {

TEST(LatencyWatch, CountsRunsThatAreLaterThanPromised) {
  LatencyWatch watch;
  EXPECT_FALSE(watch.is_on());
  watch.promise({.p50_us = 500, .p99_us = 1000});
  ASSERT_TRUE(watch.is_on());
  for (int i = 0; i < 50; ++i) watch.add(1000, {});
  EXPECT_EQ(watch.report().late, 0u);
  for (int i = 0; i < 50; ++i) watch.add(i < 5 ? 1'300'000 : 1000, {});
  const LatencyReport& report = watch.report();
  EXPECT_EQ(report.runs, 100u);
  EXPECT_EQ(report.late, 5u);
  EXPECT_EQ(report.p999_late, 0u);  // of no promise
  EXPECT_EQ(report.worst_us, 1300);
  EXPECT_TRUE(report.is_broken());
  uint64_t named = 0;
  for (uint64_t count : report.causes) named += count;
  EXPECT_EQ(named, report.late);
}

TEST(LatencyWatch, CountsRunsThatAreLaterThanTheP999) {
  LatencyWatch watch;
  watch.promise({.p50_us = 500, .p99_us = 1000, .p999_us = 2000});
  EXPECT_EQ(watch.report().promised_p999_us, 2000);
  EXPECT_EQ(watch.report().p999_late_above_us, 2505);
  for (int i = 0; i < 1000; ++i) watch.add(i < 5 ? 2'506'000 : i < 8 ? 2'504'000 : 1000, {});
  EXPECT_EQ(watch.report().late, 8u);
  EXPECT_EQ(watch.report().p999_late, 5u);
  EXPECT_FALSE(watch.report().is_broken());
  EXPECT_TRUE(watch.report().is_p999_broken());
}

TEST(LatencyWatch, NamesPageFaultsAndChunksTakenBack) {
  LatencyWatch watch;
  watch.promise({.p50_us = 30, .p99_us = 30});
  // A preemption, which the machine may bring at any time, tells more: ask until there is none.
  const auto saw = [&](LateCause cause, auto&& run) {
    for (int i = 0; i < 100; ++i) {
      const uint64_t before = watch.report().causes[static_cast<size_t>(cause)];
      run(static_cast<uint64_t>(i));
      if (watch.report().causes[static_cast<size_t>(cause)] > before) return true;
    }
    return false;
  };
  EXPECT_TRUE(saw(LateCause::kPageFault, [&](uint64_t) {
    void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *static_cast<volatile char*>(page) = 1;
    watch.add(100'000, {});
    munmap(page, 4096);
  }));
  EXPECT_TRUE(saw(LateCause::kHelper, [&](uint64_t i) { watch.add(100'000, {.chunks_taken_back = i + 1}); }));
}

TEST(LatencyWatch, NamesTheQuotaBeforeAllElse) {
  LatencyWatch watch;
  watch.promise({.p50_us = 30, .p99_us = 30});
  watch.begin({.chunks_taken_back = 7, .throttled = 7});
  watch.add(100'000, {.chunks_taken_back = 9, .throttled = 8});
  EXPECT_EQ(watch.report().causes[static_cast<size_t>(LateCause::kThrottled)], 1u);
  watch.add(100'000, {.chunks_taken_back = 9, .throttled = 8});
  EXPECT_EQ(watch.report().causes[static_cast<size_t>(LateCause::kThrottled)], 1u);
  EXPECT_EQ(watch.report().causes[static_cast<size_t>(LateCause::kHelper)], 0u);
}

TEST(LatencyWatch, LeavesShortRunsAndOddPromisesAlone) {
  LatencyWatch watch;
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInfinity = std::numeric_limits<double>::infinity();
  for (const plan::MeasuredLatency& odd :
       {plan::MeasuredLatency{1, 5, 9}, plan::MeasuredLatency{1, 50, 9}, plan::MeasuredLatency{1, kNan, 50},
        plan::MeasuredLatency{1, 50, kNan}, plan::MeasuredLatency{1, 50, kInfinity}, plan::MeasuredLatency{1, 50, 1e300}}) {
    watch.promise(odd);
    EXPECT_FALSE(watch.is_on());
  }
  for (const double odd : {9.0, kNan, kInfinity, 1e300}) {
    watch.promise({.p50_us = 50, .p99_us = 90, .p999_us = odd});
    EXPECT_EQ(watch.report().promised_p99_us, 90);
    EXPECT_EQ(watch.report().promised_p999_us, 0);
  }
}

TEST(LatencyWatch, APromiseIsBrokenWhenChanceDoesNotExplainIt) {
  LatencyReport report{.runs = 99, .late = 99};
  EXPECT_FALSE(report.is_broken());  // too few to say
  report.runs = 1000;
  report.late = 19;
  EXPECT_FALSE(report.is_broken());
  report.late = 20;
  EXPECT_TRUE(report.is_broken());
  report = {.runs = 999, .late = 5, .p999_late = 5};
  EXPECT_FALSE(report.is_p999_broken());
  report.runs = 1000;
  EXPECT_TRUE(report.is_p999_broken());
  report.p999_late = 4;
  EXPECT_FALSE(report.is_p999_broken());
  report = {.runs = 1'000'000, .late = 1'090, .p999_late = 1'090};
  EXPECT_FALSE(report.is_p999_broken());
  report.p999_late = 1'100;  // the more runs, the closer to one in a thousand
  EXPECT_TRUE(report.is_p999_broken());
}

// Runs of which one in a thousand is late, as promised: hardly ever called broken.
TEST(LatencyWatch, AKeptPromiseIsHardlyEverCalledBroken) {
  std::mt19937 random(7);
  for (const int runs : {1000, 3000, 20'000}) {
    std::poisson_distribution<int> late(runs / 1000.0);
    int broken = 0;
    for (int i = 0; i < 10'000; ++i)
      broken += is_broken_promise(static_cast<uint64_t>(late(random)), static_cast<uint64_t>(runs), 1000);
    EXPECT_LT(broken, 100) << runs;
  }
}

}  // namespace
}  // namespace tercel::engine
