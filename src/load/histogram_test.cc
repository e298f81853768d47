#include "load/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace tercel::load {
namespace {

TEST(Histogram, KnowsEveryValueToOnePartInItsPrecision) {
  for (const int bits : {4, 8}) {
    for (const int64_t value : {0L, 1L, 15L, 16L, 255L, 256L, 257L, 511L, 512L, 1'000'003L, 123'456'789'012L, (1L << 42) - 1}) {
      LogHistogram histogram(bits);
      histogram.record(value);
      histogram.record(int64_t{1} << 41);
      histogram.record(int64_t{1} << 41);
      const int64_t told = histogram.at_rank(value <= int64_t{1} << 41 ? 1 : 3);
      EXPECT_GE(told, value) << bits;
      EXPECT_LE(static_cast<double>(told - value), static_cast<double>(value) / (1 << bits)) << value << " with " << bits;
    }
  }
}

TEST(Histogram, BucketsTileTheAxis) {
  LogHistogram histogram(4);
  for (int64_t value = 0; value < 5000; ++value) histogram.record(value);
  int64_t expected = 0;
  histogram.for_each([&](int64_t low, int64_t high, uint64_t count) {
    EXPECT_EQ(low, expected);
    EXPECT_LE(static_cast<int64_t>(count), high - low + 1);
    expected = high + 1;
  });
  EXPECT_GE(expected, 5000);
}

TEST(Histogram, RanksAreThoseOfTheSortedValues) {
  std::mt19937_64 random(3);
  LogHistogram histogram;
  std::vector<int64_t> values;
  for (int i = 0; i < 20'000; ++i)
    values.push_back(static_cast<int64_t>(std::exp(static_cast<double>(random() % 20'000) / 1000)));
  for (const int64_t value : values) histogram.record(value);
  std::sort(values.begin(), values.end());
  for (size_t rank = 1; rank <= values.size(); rank += 37) {
    const auto exact = static_cast<double>(values[rank - 1]), told = static_cast<double>(histogram.at_rank(rank));
    EXPECT_GE(told, exact);
    EXPECT_LE(told, exact * (1 + 1.0 / 256));
  }
  EXPECT_EQ(histogram.at_rank(values.size()), values.back());
  EXPECT_EQ(histogram.max(), values.back());
}

TEST(Histogram, CountsWhatIsCertainlyBelow) {
  LogHistogram histogram;
  for (const int64_t value : {100, 200, 10'000'000, 10'000'001}) histogram.record(value);
  EXPECT_EQ(histogram.count_at_most(99), 0u);
  EXPECT_EQ(histogram.count_at_most(100), 1u);
  EXPECT_EQ(histogram.count_at_most(1'000'000), 2u);
  EXPECT_EQ(histogram.count_at_most(9'900'000), 2u);
  EXPECT_EQ(histogram.count_at_most(10'100'000), 4u);
  EXPECT_EQ(histogram.count_at_most(INT64_MAX), 4u);
}

TEST(Histogram, TakesWhatNobodyExpects) {
  LogHistogram histogram;
  histogram.record(-5);
  histogram.record(INT64_MAX);
  EXPECT_EQ(histogram.at_rank(1), 0);
  EXPECT_GE(histogram.at_rank(2), (int64_t{1} << 42) - 1);
  LogHistogram sum;
  sum.add(histogram);
  sum.add(histogram);
  EXPECT_EQ(sum.count(), 4u);
  EXPECT_EQ(sum.max(), INT64_MAX);
}

}  // namespace
}  // namespace tercel::load
