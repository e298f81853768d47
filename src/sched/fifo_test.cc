#include "sched/fifo.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>

namespace tercel::sched {
namespace {

TEST(Fifo, StartsAtOnceWhenIdleAndQueuesWhenBusy) {
  Fifo fifo({.instances = 1, .queue_max = 2});
  ASSERT_TRUE(fifo.admit({.id = 1}, 0).ok());
  const auto first = fifo.next(5);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->request, 1u);
  EXPECT_EQ(first->start_earliest_ns, 5);
  EXPECT_EQ(first->start_latest_ns, kNever);
  ASSERT_TRUE(fifo.admit({.id = 2}, 6).ok());
  ASSERT_TRUE(fifo.admit({.id = 3, .deadline_ns = 50}, 6).ok());
  EXPECT_FALSE(fifo.next(7));
  const auto refused = fifo.admit({.id = 4}, 8);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kExhausted);
  fifo.complete(first->instance, 9);
  EXPECT_EQ(fifo.next(9)->request, 2u);
  fifo.complete(0, 10);
  EXPECT_EQ(fifo.next(60)->start_latest_ns, 50);
}

TEST(Fifo, WithoutAQueueOnlyIdleInstancesAdmit) {
  Fifo fifo({.instances = 2, .queue_max = 0});
  EXPECT_TRUE(fifo.admit({.id = 1}, 0).ok());
  EXPECT_TRUE(fifo.admit({.id = 2}, 0).ok());
  EXPECT_FALSE(fifo.admit({.id = 3}, 0).ok());
  EXPECT_TRUE(fifo.next(0) && fifo.next(0));
  EXPECT_FALSE(fifo.admit({.id = 3}, 0).ok());
}

TEST(Fifo, CancelsOnlyWhatWaits) {
  Fifo fifo({.instances = 1, .queue_max = 4});
  for (RequestId id = 1; id <= 4; ++id) ASSERT_TRUE(fifo.admit({.id = id}, 0).ok());
  EXPECT_EQ(fifo.next(0)->request, 1u);
  EXPECT_FALSE(fifo.cancel(1, 0));
  EXPECT_TRUE(fifo.cancel(3, 0));
  EXPECT_FALSE(fifo.cancel(3, 0));
  fifo.complete(0, 1);
  EXPECT_EQ(fifo.next(1)->request, 2u);
  fifo.complete(0, 2);
  EXPECT_EQ(fifo.next(2)->request, 4u);
}

// Random traffic against a model of what a queue is: nothing is lost, doubled, overtaken or run twice at once; no
// instance idles while a request waits; the bounds hold.
void run_seed(uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto below = [&](uint64_t n) { return random() % n; };
  const FifoOptions options{.instances = static_cast<uint32_t>(1 + below(4)), .queue_max = static_cast<uint32_t>(below(9))};
  Fifo fifo(options);
  std::deque<RequestId> waiting;
  std::map<InstanceId, RequestId> running;
  TimeNs now = 0;
  RequestId next_id = 1;
  for (int step = 0; step < 400; ++step) {
    now += static_cast<TimeNs>(below(1000));
    switch (below(4)) {
      case 0:
      case 1: {
        const bool room = waiting.size() < options.queue_max + (options.instances - running.size());
        ASSERT_EQ(fifo.admit({.id = next_id, .arrival_ns = now}, now).ok(), room);
        if (room) waiting.push_back(next_id);
        ++next_id;
        break;
      }
      case 2:
        if (!running.empty()) {
          const auto done = std::next(running.begin(), static_cast<long>(below(running.size())));
          fifo.complete(done->first, now);
          running.erase(done);
        }
        break;
      case 3: {
        const RequestId victim = 1 + below(next_id);
        const auto found = std::find(waiting.begin(), waiting.end(), victim);
        ASSERT_EQ(fifo.cancel(victim, now), found != waiting.end());
        if (found != waiting.end()) waiting.erase(found);
        break;
      }
    }
    if (below(4) == 0) continue;  // several events may pass before anyone asks
    while (const auto action = fifo.next(now)) {
      ASSERT_FALSE(waiting.empty());
      ASSERT_EQ(action->request, waiting.front());
      ASSERT_EQ(action->start_earliest_ns, now);
      ASSERT_LT(action->instance, options.instances);
      ASSERT_TRUE(running.emplace(action->instance, action->request).second);
      waiting.pop_front();
    }
    ASSERT_TRUE(waiting.empty() || running.size() == options.instances);
    ASSERT_EQ(fifo.queued(), waiting.size());
    ASSERT_EQ(fifo.running(), running.size());
  }
}

TEST(Fifo, KeepsItsLawsUnderRandomTraffic) {
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    run_seed(seed);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace tercel::sched
