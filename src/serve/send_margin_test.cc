#include "serve/send_margin.h"

#include <gtest/gtest.h>

#include <random>

namespace tercel::serve {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(SendMargin, FollowsTheSlowOnesButNotTheSlowest) {
  SendMargin margin;
  std::mt19937 random(1);
  // 95 of 100 take 20 us, four 300 us, one 50 ms.
  const auto took = [&]() -> int64_t {
    const auto drawn = random() % 100;
    return drawn < 95 ? 20'000 : drawn < 99 ? 300'000 : 50'000'000;
  };
  for (int i = 0; i < 20'000; ++i) margin.record(took());
  EXPECT_GT(margin.of(kSecond), 200'000);
  EXPECT_LT(margin.of(kSecond), 900'000);
  for (int i = 0; i < 20'000; ++i) margin.record(20'000);
  EXPECT_LT(margin.of(kSecond), 120'000);
}

TEST(SendMargin, LeavesMostOfADeadline) {
  SendMargin margin;
  for (int i = 0; i < 10'000; ++i) margin.record(kSecond);
  EXPECT_LE(margin.of(kSecond), 2'100'000);
  EXPECT_EQ(margin.of(800'000), 100'000);
  EXPECT_EQ(margin.of(-5), 0);
}

}  // namespace
}  // namespace tercel::serve
