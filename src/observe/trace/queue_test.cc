#include "observe/trace/queue.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "platform/clock.h"

namespace tercel::observe::trace {
namespace {

Span numbered(uint64_t id) {
  Span span;
  span.id = id;
  span.model.set(std::string(100, static_cast<char>('a' + id % 26)));
  return span;
}

TEST(TraceQueue, IsFirstInFirstOutAndTakesNoMoreThanItsCapacity) {
  for (const size_t capacity : {1, 2, 3, 7}) {
    const size_t room = std::max<size_t>(capacity, 2);
    Queue queue(capacity);
    Span span;
    EXPECT_FALSE(queue.pop(span));
    uint64_t in = 0, out = 0;
    for (int round = 0; round < 5; ++round) {
      while (queue.push(numbered(in))) ++in;
      EXPECT_EQ(in - out, room);
      EXPECT_EQ(queue.size(), room);
      for (size_t i = 0; i < room - static_cast<size_t>(round) % 2; ++i, ++out) {
        ASSERT_TRUE(queue.pop(span));
        EXPECT_EQ(span.id, out);
      }
    }
  }
}

// What goes in comes out once and whole, in the order of each thread, or is counted as dropped.
TEST(TraceQueue, LosesNothingBetweenThreads) {
  constexpr uint64_t kThreads = 2, kEach = 20'000;
  const int64_t end_ns = platform::now_ns() + 60'000'000'000;
  Queue queue(64);
  std::atomic<uint64_t> dropped{0}, finished{0};
  std::vector<std::jthread> threads;
  for (uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < kEach && platform::now_ns() < end_ns; ++i) {
        while (!queue.push(numbered(i << 8 | t))) {
          std::this_thread::yield();
          if (t == 0 && platform::now_ns() < end_ns) continue;  // this one asks again, the others give up
          dropped.fetch_add(1);
          break;
        }
      }
      finished.fetch_add(1);
    });
  }
  uint64_t got = 0, last[kThreads] = {};
  Span span;
  for (;;) {
    const bool is_over = finished.load() == kThreads;
    if (!queue.pop(span)) {
      if (is_over) break;
      ASSERT_LT(platform::now_ns(), end_ns);
      std::this_thread::yield();
      continue;
    }
    ++got;
    EXPECT_EQ(span.model.view(), numbered(span.id).model.view());
    const uint64_t thread = span.id & 0xFF, number = (span.id >> 8) + 1;
    EXPECT_GT(number, last[thread]);
    last[thread] = number;
  }
  EXPECT_EQ(got + dropped.load(), kThreads * kEach);
  EXPECT_GE(got, kEach);
}

}  // namespace
}  // namespace tercel::observe::trace
