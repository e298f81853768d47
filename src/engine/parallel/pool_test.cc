#include "engine/parallel/pool.h"

#include <gtest/gtest.h>
#include <xmmintrin.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <numeric>

namespace tercel::engine {
namespace {

TEST(Pool, RunsEveryChunkOnceWithAWorkerOfItsOwn) {
  for (int threads : {1, 2, 3, 5}) {
    auto pool = Pool::start(threads).take();
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
  const auto cpu_seconds = [] {
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
  };
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const double before = cpu_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(cpu_seconds() - before, 0.05);
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
