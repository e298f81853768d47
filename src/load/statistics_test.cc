#include "load/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace tercel::load {
namespace {

TEST(Statistics, RanksOfTheMedianAreTheTabulatedOnes) {
  // Le Boudec 2010, table A.1: n, lower and upper rank of the 95 % interval of the median.
  const struct {
    uint64_t n, low, high;
  } cases[] = {{6, 1, 6}, {10, 2, 9}, {20, 6, 15}, {30, 10, 21}, {50, 18, 33}, {70, 27, 44}, {100, 40, 61}};
  for (const auto& c : cases) {
    const RankInterval ranks = quantile_interval(c.n, 0.5);
    EXPECT_EQ(ranks.low, c.low) << c.n;
    EXPECT_EQ(ranks.high, c.high) << c.n;
  }
}

TEST(Statistics, TooFewValuesLeaveAnEndOpen) {
  EXPECT_EQ(quantile_interval(5, 0.5).low, 0u);
  EXPECT_EQ(quantile_interval(5, 0.5).high, 6u);
  EXPECT_EQ(quantile_interval(300, 0.99).high, 301u);  // 1 - 0.99^300 = 95.1 %, less than 97.5 %
  EXPECT_EQ(quantile_interval(400, 0.99).high, 400u);  // 98.2 %
  EXPECT_EQ(quantile_interval(0, 0.99).high, 1u);
  EXPECT_EQ(quantile_interval(1, 0.999).low, 0u);
}

TEST(Statistics, LargeNumbersAgreeWithTheNormalApproximation) {
  for (const uint64_t n : {uint64_t{1'000'000}, uint64_t{300'000'000}}) {
    for (const double q : {0.5, 0.9, 0.999}) {
      const double middle = q * static_cast<double>(n), half = 1.96 * std::sqrt(middle * (1 - q));
      const RankInterval ranks = quantile_interval(n, q);
      EXPECT_NEAR(static_cast<double>(ranks.low), middle - half, 3 + half / 500);
      EXPECT_NEAR(static_cast<double>(ranks.high), middle + half, 3 + half / 500);
    }
  }
}

TEST(Statistics, IntervalsCoverTheTrueQuantileAsOftenAsTheySay) {
  std::mt19937_64 random(11);
  constexpr int kRuns = 2000, kValues = 500;
  for (const double q : {0.5, 0.9, 0.99}) {
    int covered = 0;
    for (int run = 0; run < kRuns; ++run) {
      std::vector<double> values(kValues);
      for (double& value : values) value = static_cast<double>(random() >> 11) * 0x1p-53;  // uniform: the q-quantile is q
      std::sort(values.begin(), values.end());
      const RankInterval ranks = quantile_interval(kValues, q);
      covered += (ranks.low == 0 || values[ranks.low - 1] <= q) && (ranks.high > kValues || values[ranks.high - 1] >= q);
    }
    EXPECT_GE(covered, kRuns * 0.94) << q;  // conservative, so more is right
  }
}

TEST(Statistics, NearestRank) {
  EXPECT_EQ(quantile_rank(100, 0.5), 50u);
  EXPECT_EQ(quantile_rank(1000, 0.999), 999u);
  EXPECT_EQ(quantile_rank(1001, 0.999), 1000u);
  EXPECT_EQ(quantile_rank(1, 0.001), 1u);
}

TEST(Statistics, Shares) {
  EXPECT_NEAR(share_interval(8, 10).low, 0.4902, 1e-4);
  EXPECT_NEAR(share_interval(8, 10).high, 0.9433, 1e-4);
  EXPECT_EQ(share_interval(0, 10).low, 0);
  EXPECT_NEAR(share_interval(0, 10).high, 0.2775, 1e-4);
  EXPECT_NEAR(share_interval(10, 10).low, 0.7225, 1e-4);
  EXPECT_EQ(share_interval(0, 0).low, 0);
  EXPECT_EQ(share_interval(0, 0).high, 1);
}

}  // namespace
}  // namespace tercel::load
