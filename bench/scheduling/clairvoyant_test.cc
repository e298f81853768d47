#include "clairvoyant.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "queue_policy.h"

namespace tercel::bench {
namespace {

using sched::TimeNs;

constexpr TimeNs kFixed = 3, kRow = 2, kAllowed = 14;
constexpr uint32_t kBatchMax = 3;

// Requests in time when request i is computed in batch assigned[i], batches in the order of their numbers; 0 is given up. Nothing
// when somebody is late or a batch is too large.
uint64_t in_time(const std::vector<TimeNs>& arrivals, const std::vector<uint32_t>& assigned) {
  TimeNs free_at = 0;
  uint64_t served = 0;
  for (uint32_t batch = 1; batch <= arrivals.size(); ++batch) {
    TimeNs last = 0, first = sched::kNever;
    uint32_t rows = 0;
    for (size_t i = 0; i < arrivals.size(); ++i) {
      if (assigned[i] != batch) continue;
      last = std::max(last, arrivals[i]);
      first = std::min(first, arrivals[i]);
      ++rows;
    }
    if (rows == 0) continue;
    if (rows > kBatchMax) return 0;
    free_at = std::max(free_at, last) + kFixed + rows * kRow;
    if (free_at > first + kAllowed) return 0;
    served += rows;
  }
  return served;
}

TEST(Clairvoyant, IsTheBestOfAllSchedules) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 40; ++round) {
    std::vector<TimeNs> arrivals(6);
    for (TimeNs& a : arrivals) a = static_cast<TimeNs>(random() % 25);
    std::sort(arrivals.begin(), arrivals.end());
    std::vector<uint32_t> assigned(arrivals.size(), 0);
    uint64_t best = 0;
    for (bool more = true; more;) {
      best = std::max(best, in_time(arrivals, assigned));
      more = false;
      for (uint32_t& a : assigned) {
        more = a < arrivals.size();
        a = more ? a + 1 : 0;
        if (more) break;
      }
    }
    EXPECT_EQ(clairvoyant(arrivals, kFixed, kRow, kBatchMax, kAllowed), best) << "round " << round;
  }
}

TEST(QueuePolicy, WaitsForItsWindowAndDropsWhatTimedOut) {
  QueuePolicy window({.batch_max = 2, .delay_ns = 5});
  (void)window.admit({.id = 1, .arrival_ns = 0}, 0);
  EXPECT_FALSE(window.next(0));
  EXPECT_EQ(window.wake_at(), 5);
  ASSERT_TRUE(window.next(5));

  QueuePolicy timed({.batch_max = 2, .timeout_ns = 5});
  (void)timed.admit({.id = 1, .arrival_ns = 0}, 0);
  (void)timed.admit({.id = 2, .arrival_ns = 4}, 4);
  EXPECT_EQ(timed.next(6)->kind, sched::Decision::Kind::kExpire);
  EXPECT_EQ(timed.next(6)->members[0].request, 2u);
}

}  // namespace
}  // namespace tercel::bench
