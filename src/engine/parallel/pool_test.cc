#include "engine/parallel/pool.h"

#include <gtest/gtest.h>
#include <xmmintrin.h>

#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <numeric>

#include "engine/parallel/interrupt.h"

namespace tercel::engine {
namespace {

// Bounds a loop that waits for what the machine does in its own time.
class Patience {
 public:
  bool lasts() const { return std::chrono::steady_clock::now() < end_; }

 private:
  std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::now() + std::chrono::seconds(30);
};

double process_cpu_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

TEST(Pool, RunsEveryChunkOnceWithAWorkerOfItsOwn) {
  for (int threads : {1, 2, 3, 5}) {
    auto pool = Pool::start(threads, false).take();  // a chunk that is taken back may run twice
    ASSERT_EQ(pool->count(), threads);
    std::vector<std::atomic<int>> busy(static_cast<size_t>(threads));
    for (int request = 0; request < 200; ++request) {
      pool->begin_request(request % 2);
      for (int chunks : {0, 1, 2, 7, 64}) {
        std::vector<int> ran(static_cast<size_t>(chunks));  // plain: a chunk that ran twice at once would be a race
        pool->run(chunks, [&](int chunk, int worker) {
          EXPECT_EQ(busy[static_cast<size_t>(worker)].fetch_add(1), 0);
          ++ran[static_cast<size_t>(chunk)];
          busy[static_cast<size_t>(worker)].fetch_sub(1);
        });
        for (int count : ran) ASSERT_EQ(count, 1);
      }
      EXPECT_EQ(pool->end_request(), threads > 1);
    }
  }
}

TEST(Pool, HelpersTakePartAndFlushDenormals) {
  auto pool = Pool::start(2).take();
  pool->begin_request(true);
  std::atomic<bool> helped{false};
  unsigned control = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!helped && std::chrono::steady_clock::now() < deadline) {
    pool->run(64, [&](int, int worker) {
      if (worker == 1 && !helped) {
        control = _mm_getcsr();
        helped = true;
      }
      for (int i = 0; i < 1000; ++i) asm volatile("");
    });
  }
  pool->end_request();
  EXPECT_TRUE(helped);
  EXPECT_EQ(control & 0x8040u, 0x8040u);
}

TEST(Pool, ARequestThatAsksForNothingWakesNobody) {
  auto pool = Pool::start(2).take();
  pool->begin_request(false);
  pool->run(1, [](int, int worker) { EXPECT_EQ(worker, 0); });
  EXPECT_FALSE(pool->end_request());
}

TEST(Pool, HelpersSleepBetweenRequests) {
  auto pool = Pool::start(3).take();
  pool->begin_request(true);
  pool->run(8, [](int, int) {});
  pool->end_request();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const double before = process_cpu_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(process_cpu_seconds() - before, 0.05);
}

TEST(Pool, HelpersRestWithinARequestAndComeBack) {
  auto pool = Pool::start(2).take();
  pool->begin_request(true);
  pool->run(8, [](int, int) {});
  pool->rest();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const double before = process_cpu_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(process_cpu_seconds() - before, 0.05);
  std::atomic<bool> helped{false};
  for (const Patience patience; !helped && patience.lasts();)
    pool->run(64, [&](int, int worker) {
      if (worker == 1) helped = true;
      for (int i = 0; i < 1000; ++i) asm volatile("");
    });
  EXPECT_TRUE(helped);
  pool->rest();
  pool->rest();
  EXPECT_TRUE(pool->end_request());  // what was asked for before the rest counts
}

// A chunk that never ends on a helper, as if the system never ran the thread again.
TEST(Pool, TakesBackWhatAStuckHelperHolds) {
  if (!can_interrupt()) GTEST_SKIP() << "this process cannot interrupt its threads";
  for (int threads : {2, 3}) {
    auto pool = Pool::start(threads).take();
    for (const Patience patience; pool->chunks_taken_back() < 20 && patience.lasts();) {
      std::vector<std::atomic<int>> ran(16);
      pool->begin_request(true);
      pool->run(16, [&](int chunk, int worker) {
        if (worker != 0)
          for (;;) asm volatile("");
        for (int i = 0; i < 10'000; ++i) asm volatile("");
        ++ran[static_cast<size_t>(chunk)];
      });
      pool->end_request();
      for (const auto& count : ran) ASSERT_EQ(count, 1);
    }
    EXPECT_GT(pool->chunks_taken_back(), 0u);
  }
}

// Helpers that write late, at every distance around the caller's patience: what they write after their chunk was taken back
// would be seen, since the next job uses the same memory.
TEST(Pool, WhatWasTakenBackIsNotWrittenLate) {
  if (!can_interrupt()) GTEST_SKIP() << "this process cannot interrupt its threads";
  auto pool = Pool::start(2).take();
  constexpr int kChunks = 8;
  std::array<std::atomic<int>, kChunks> memory{};
  pool->begin_request(true);
  const Patience patience;
  for (int job = 1; job <= 3000 || (pool->chunks_taken_back() < 100 && patience.lasts()); ++job) {
    const int delay = job * 7919 % 300'000;
    pool->run(kChunks, [&, job](int chunk, int worker) {
      for (int i = 0; i < (worker != 0 ? delay : 2000); ++i) asm volatile("");
      memory[static_cast<size_t>(chunk)].store(job, std::memory_order_relaxed);
    });
    for (int look = 0; look < 50; ++look)
      for (const auto& value : memory) ASSERT_EQ(value.load(std::memory_order_relaxed), job);
  }
  pool->end_request();
}

TEST(Pool, HelpersFlushDenormalsAfterAnInterrupt) {
  if (!can_interrupt()) GTEST_SKIP() << "this process cannot interrupt its threads";
  auto pool = Pool::start(2).take();
  std::atomic<unsigned> control{0};
  for (const Patience patience; control == 0 && patience.lasts();) {
    pool->begin_request(true);
    pool->run(8, [&](int, int worker) {
      if (worker == 0) return;
      if (pool->chunks_taken_back() > 0) control = _mm_getcsr();
      else
        for (;;) asm volatile("");
    });
    for (int i = 0; i < 10'000; ++i) asm volatile("");
    pool->run(64, [&](int, int worker) {
      if (worker != 0 && pool->chunks_taken_back() > 0) control = _mm_getcsr();
      for (int i = 0; i < 1000; ++i) asm volatile("");
    });
    pool->end_request();
  }
  EXPECT_EQ(control & 0x8040u, 0x8040u);
}

TEST(Pool, WaitsForStepsThatWriteWhereTheyRead) {
  auto pool = Pool::start(2).take();
  for (int job = 0; job < 50; ++job) {
    std::vector<std::atomic<int>> ran(8);
    pool->begin_request(true);
    pool->for_in_place().run(8, [&](int chunk, int worker) {
      ++ran[static_cast<size_t>(chunk)];
      for (int i = 0; worker != 0 && i < 300'000; ++i) asm volatile("");
    });
    pool->end_request();
    for (const auto& count : ran) ASSERT_EQ(count, 1);
  }
  EXPECT_EQ(pool->chunks_taken_back(), 0u);
}

TEST(Pool, LingeringHelpersAreThereForTheNextRequestAndSleepWhenNoneComes) {
  auto pool = Pool::start(3).take();
  EXPECT_FALSE(pool->begin_request(false));
  EXPECT_FALSE(pool->end_request(true));
  int found = 0;
  for (int request = 0; request < 1000; ++request) {
    found += pool->begin_request(false);
    std::atomic<int> ran{0};
    pool->for_in_place().run(8, [&](int, int) { ++ran; });
    EXPECT_EQ(ran, 8);
    EXPECT_TRUE(pool->end_request(true));
  }
  EXPECT_GT(found, 0);
  // They give up, as soon as the machine gives them time to.
  bool awake = true;
  for (const Patience patience; awake && patience.lasts();) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    awake = pool->begin_request(false);
    pool->end_request(awake);
  }
  EXPECT_FALSE(awake);
  const double before = process_cpu_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(process_cpu_seconds() - before, 0.05);
}

TEST(Pool, StopsWhileHelpersLinger) {
  for (int i = 0; i < 50; ++i) {
    auto pool = Pool::start(3).take();
    pool->begin_request(true);
    pool->run(4, [](int, int) {});
    pool->end_request(true);
  }
}

TEST(Pool, StopsWhileHelpersAreAwake) {
  for (int i = 0; i < 50; ++i) {
    auto pool = Pool::start(3).take();
    pool->begin_request(true);
    if (i % 2) pool->run(4, [](int, int) {});
  }
}

TEST(Pool, RefusesOddThreadCounts) {
  EXPECT_EQ(Pool::start(0).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(Pool::start(Pool::kThreadsMax + 1).error().code(), ErrorCode::kInvalid);
}

}  // namespace
}  // namespace tercel::engine
