#include "engine/latency_watch.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

namespace tercel::engine {
namespace {

TEST(LatencyWatch, CountsRunsThatAreLaterThanPromised) {
  LatencyWatch watch;
  EXPECT_FALSE(watch.is_on());
  watch.promise(500, 1000);
  ASSERT_TRUE(watch.is_on());
  for (int i = 0; i < 50; ++i) watch.add(1000, 0);
  EXPECT_EQ(watch.report().late, 0u);
  for (int i = 0; i < 50; ++i) watch.add(i < 2 ? 1'300'000 : 1000, 0);
  const LatencyReport& report = watch.report();
  EXPECT_EQ(report.runs, 100u);
  EXPECT_EQ(report.late, 2u);
  EXPECT_EQ(report.worst_us, 1300);
  EXPECT_TRUE(report.is_broken());
  uint64_t named = 0;
  for (uint64_t count : report.causes) named += count;
  EXPECT_EQ(named, report.late);
}

TEST(LatencyWatch, NamesPageFaultsAndChunksTakenBack) {
  LatencyWatch watch;
  watch.promise(30, 30);
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
    watch.add(100'000, 0);
    munmap(page, 4096);
  }));
  EXPECT_TRUE(saw(LateCause::kHelper, [&](uint64_t i) { watch.add(100'000, i + 1); }));
}

TEST(LatencyWatch, LeavesShortRunsAndOddPromisesAlone) {
  LatencyWatch watch;
  watch.promise(5, 9);
  EXPECT_FALSE(watch.is_on());
  watch.promise(50, 9);
  EXPECT_FALSE(watch.is_on());
}

TEST(LatencyWatch, AHundredthMayBeLate) {
  LatencyReport report{.runs = 99, .late = 99};
  EXPECT_FALSE(report.is_broken());
  report.runs = 1000;
  report.late = 10;
  EXPECT_FALSE(report.is_broken());
  report.late = 11;
  EXPECT_TRUE(report.is_broken());
}

}  // namespace
}  // namespace tercel::engine
