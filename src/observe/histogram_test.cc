#include "observe/histogram.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace tercel::observe {
namespace {

TEST(Histogram, BoundsRiseByAboutTheFactor) {
  EXPECT_EQ(kBoundsNs.front(), 50'000);
  EXPECT_EQ(kBoundsNs.back(), 10'000'000'000);
  for (size_t i = 1; i < kBounds; ++i) {
    const double ratio = static_cast<double>(kBoundsNs[i]) / static_cast<double>(kBoundsNs[i - 1]);
    EXPECT_GT(ratio, 1.4) << i;
    EXPECT_LT(ratio, 1.7) << i;
  }
}

TEST(Histogram, PutsEachDurationInItsBucket) {
  Histogram histogram;
  histogram.record(-5);
  histogram.record(50'000);
  histogram.record(50'001);
  histogram.record(10'000'000'000);
  histogram.record(10'000'000'001);
  const auto reading = histogram.read();
  EXPECT_EQ(reading.counts[0], 2u);
  EXPECT_EQ(reading.counts[1], 1u);
  EXPECT_EQ(reading.counts[kBounds - 1], 1u);
  EXPECT_EQ(reading.counts[kBounds], 1u);
  EXPECT_EQ(reading.count, 5u);
  EXPECT_EQ(reading.sum_ns, 50'000u + 50'001u + 20'000'000'001u);
}

TEST(Histogram, LosesNothingBetweenThreads) {
  Histogram histogram;
  Counter counter;
  std::vector<std::thread> threads;
  for (int t = 0; t < 12; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        histogram.record(i * 1000);
        counter.add(2);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(histogram.read().count, 60000u);
  EXPECT_EQ(counter.value(), 120000u);
}

}  // namespace
}  // namespace tercel::observe
