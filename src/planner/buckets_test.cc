#include "planner/buckets.h"

#include <gtest/gtest.h>

#include <numeric>

namespace tercel::planner {
namespace {

TEST(LatencyOf, PromisesAP999OnlyOfAThousandRuns) {
  std::vector<double> times(999);
  std::iota(times.begin(), times.end(), 1.0);
  const plan::MeasuredLatency few = latency_of(2, times);
  EXPECT_EQ(few.threads, 2u);
  EXPECT_EQ(few.p50_us, 500);
  EXPECT_EQ(few.p99_us, 990);
  EXPECT_EQ(few.p999_us, 0);
  times.push_back(1000);
  EXPECT_EQ(latency_of(2, times).p999_us, 1000);
  for (int i = 1001; i <= 10'000; ++i) times.push_back(i);
  EXPECT_EQ(latency_of(2, times).p999_us, 9991);
}

TEST(LatencyOf, OneRunIsAllPercentiles) {
  const double time[] = {7};
  EXPECT_EQ(latency_of(1, time).p50_us, 7);
  EXPECT_EQ(latency_of(1, time).p99_us, 7);
}

}  // namespace
}  // namespace tercel::planner
