#include "sched/cost_model.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace tercel::sched {
namespace {

constexpr TimeNs kMs = 1'000'000;

CostModel affine(TimeNs fixed = kMs, TimeNs row = kMs, double p99 = 1.05) {
  std::vector<CostPoint> points;
  for (const uint32_t rows : {1u, 8u}) {
    const TimeNs p50 = fixed + row * rows;
    points.push_back({1, rows, p50, static_cast<TimeNs>(static_cast<double>(p50) * p99)});
  }
  return CostModel::make(points, 8).take();
}

TEST(RatioWindow, IsTheSampleQuantileOfTheLastN) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<float> noise(0, 0.3f);
  RatioWindow<16> window(1.2f);
  std::deque<float> last;
  for (int i = 0; i < 2000; ++i) {
    last.push_back(noise(random));
    window.observe(last.back());
    if (last.size() > 16) last.pop_front();
    if (last.size() < 16) continue;
    std::vector<float> sorted(last.begin(), last.end());
    std::sort(sorted.begin(), sorted.end());
    for (size_t k = 1; k <= 16; ++k) ASSERT_EQ(window.ranked(k), sorted[k - 1]) << "observation " << i;
  }
}

TEST(RatioWindow, BeginsAsThePrior) {
  const RatioWindow<128> window(1.5f);
  EXPECT_FLOAT_EQ(window.ranked(64), 1.0f);
  EXPECT_NEAR(window.ranked(127), 1.5f, 0.02f);
  EXPECT_EQ(window.count(), 0u);
}

TEST(CostModel, InterpolatesThePriorAndNeverFalls) {
  const CostModel cost = affine();
  for (uint32_t rows = 1; rows <= 8; ++rows) EXPECT_NEAR(cost.expected(rows), kMs * (1 + rows), 2) << rows;
  for (uint32_t rows = 1; rows <= 8; ++rows) EXPECT_GE(cost.high(rows), cost.expected(rows)) << rows;
  const CostPoint odd[] = {{1, 1, 5 * kMs, 5 * kMs}, {1, 4, 3 * kMs, 3 * kMs}, {1, 8, 9 * kMs, 9 * kMs}};
  const CostModel falling = CostModel::make(odd, 8).take();
  for (uint32_t rows = 2; rows <= 8; ++rows) EXPECT_GE(falling.expected(rows), falling.expected(rows - 1)) << rows;
}

TEST(CostModel, ALonePointScalesInProportion) {
  const CostPoint point[] = {{1, 2, 4 * kMs, 4 * kMs}};
  const CostModel cost = CostModel::make(point, 8).take();
  EXPECT_EQ(cost.expected(1), 4 * kMs);
  EXPECT_EQ(cost.expected(8), 16 * kMs);
}

TEST(CostModel, TwoOutliersMoveNothing) {
  CostModel cost = affine();
  for (int i = 0; i < 200; ++i) cost.observe(4, 0, 5 * kMs);
  const TimeNs high = cost.high(4), expected = cost.expected(4);
  cost.observe(4, 0, 500 * kMs);
  cost.observe(4, 0, 500 * kMs);
  EXPECT_EQ(cost.high(4), high);
  EXPECT_EQ(cost.expected(4), expected);
}

TEST(CostModel, LearnsALastingSlowdownSoon) {
  CostModel cost = affine();
  for (int i = 0; i < 200; ++i) cost.observe(8, 0, 9 * kMs);
  int runs = 0;
  while (cost.high(8) < 18 * kMs && runs < 100) {
    cost.observe(8, 0, 18 * kMs);
    ++runs;
  }
  EXPECT_LE(runs, 3) << "what is promised";
  while (cost.expected(8) < 18 * kMs && runs < 100) {
    cost.observe(8, 0, 18 * kMs);
    ++runs;
  }
  EXPECT_LE(runs, 9) << "what is expected";
  EXPECT_GT(cost.high(1), 2 * kMs * 15 / 10) << "other batches are taken to be slower too";
}

TEST(CostModel, ForgetsTheSlowdownAgain) {
  CostModel cost = affine();
  for (int i = 0; i < 200; ++i) cost.observe(8, 0, 30 * kMs);
  for (int i = 0; i < 130; ++i) cost.observe(8, 0, 9 * kMs);
  EXPECT_LT(cost.high(8), 10 * kMs);
}

TEST(CostModel, KeepsTheFloor) {
  CostModel cost = affine();
  for (int i = 0; i < 300; ++i) cost.observe(8, 0, 1000);
  EXPECT_EQ(cost.expected(8), 9 * kMs / 2);
  const CostPoint point[] = {{1, 1, 4 * kMs, 4 * kMs}};
  CostModel stated = CostModel::make(point, 1, 3 * kMs).take();
  for (int i = 0; i < 300; ++i) stated.observe(1, 0, 1000);
  EXPECT_EQ(stated.expected(1), 3 * kMs);
}

TEST(CostModel, FindsHowManyRowsFit) {
  const CostModel cost = affine(kMs, kMs, 1.0);
  EXPECT_EQ(cost.rows_within(2 * kMs - 1, 8), 0u);
  EXPECT_EQ(cost.rows_within(5 * kMs, 8), 4u);
  EXPECT_EQ(cost.rows_within(5 * kMs, 3), 3u);
  EXPECT_EQ(cost.rows_within(kNever, 8), 8u);
  EXPECT_EQ(cost.rows_blocking(5 * kMs, 8), 4u);
}

TEST(CostModel, KnowsThreadCounts) {
  const CostPoint points[] = {{2, 1, kMs, kMs}, {1, 1, 2 * kMs, 2 * kMs}};
  const CostModel cost = CostModel::make(points, 1).take();
  ASSERT_EQ(cost.choices(), 2u);
  EXPECT_EQ(cost.threads(0), 1u);
  EXPECT_EQ(cost.expected(1, 0), 2 * kMs);
  EXPECT_EQ(cost.expected(1, 1), kMs);
}

TEST(CostModel, RefusesWhatCantBe) {
  const auto refused = [](std::vector<CostPoint> points, uint32_t rows_max) { return !CostModel::make(points, rows_max).ok(); };
  EXPECT_TRUE(refused({}, 8));
  EXPECT_TRUE(refused({{1, 1, 0, 0}}, 8));
  EXPECT_TRUE(refused({{1, 1, 10, 5}}, 8));
  EXPECT_TRUE(refused({{1, 1, -10, 5}}, 8));
  EXPECT_TRUE(refused({{0, 1, 10, 10}}, 8));
  EXPECT_TRUE(refused({{1, 0, 10, 10}}, 8));
  EXPECT_TRUE(refused({{1, 1, 10, kNever}}, 8));
  EXPECT_TRUE(refused({{1, 1, 10, 10}}, 0));
  EXPECT_TRUE(refused({{1, 1, 10, 10}}, kBatchRowsMax + 1));
  EXPECT_TRUE(refused({{1, 1, 10, 10}, {2, 1, 9, 9}, {3, 1, 8, 8}, {4, 1, 7, 7}, {5, 1, 6, 6}}, 8));
}

}  // namespace
}  // namespace tercel::sched
