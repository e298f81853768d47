#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "engine/allocation_counter.h"
#include "engine/parallel/interrupt.h"
#include "engine/parallel/quota_watch.h"
#include "engine/syscall_guard.h"
#include "engine/test_program.h"
#include "platform/clock.h"

// After the first run of a bound shape: no allocation, no page fault, no syscall but one wake-up, the same bits for any
// number of threads.
namespace tercel::engine {
namespace {

constexpr int64_t kWidth = 256;

// Enough work to be worth helpers, in steps that share it and steps that don't.
std::shared_ptr<plan::Program> wide_program() {
  std::mt19937 random(3);
  const auto weights = [&](int64_t rows) {
    std::vector<float> values(static_cast<size_t>(rows * kWidth));
    for (float& v : values) v = static_cast<float>(static_cast<int>(random() % 2001) - 1000) / 16000;
    return values;
  };
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim::symbol(0), Dim(kWidth)});
  plan::ValueId y = x;
  for (int layer = 0; layer < 3; ++layer) {
    y = g.node("MatMul", {y, g.floats({Dim(kWidth), Dim(kWidth)}, weights(kWidth))});
    y = g.node("Relu", {g.node("Add", {y, g.floats({Dim(kWidth)}, weights(1))})});
  }
  g.output(g.node("Softmax", {y}, attributes_of({{"axis", int64_t{-1}}})));
  g.output(g.node("Reshape", {g.node("Add", {y, x}), g.ints({-1})}));
  return program_of(std::move(g), {"n"});
}

// A session, a bound shape, inputs and buffers: all that one run needs.
struct Ready {
  explicit Ready(int threads, int64_t rows = 64, bool linger = true)
      : session(Session::open(wide_program(), {.threads = threads, .linger = linger}).take()) {
    const Shape shape{Dim(rows), Dim(kWidth)};
    binding = session->bind(std::vector<Shape>{shape}).value();
    data.resize(static_cast<size_t>(rows * kWidth));
    for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<float>(i % 97) / 97;
    input = {{DType::kFloat32, shape}, data.data()};
    out.assign(2, std::vector<float>(data.size()));
    buffers = {out[0].data(), out[1].data()};
    views.resize(2);
  }
  bool run(const RunControl& control = {}) { return session->run(*binding, {&input, 1}, buffers, views, control).ok(); }

  std::unique_ptr<Session> session;
  const Binding* binding;
  std::vector<float> data;
  InputView input;
  std::vector<std::vector<float>> out;
  std::vector<void*> buffers;
  std::vector<OutputView> views;
};

TEST(HotPath, DoesNotAllocate) {
  if (!counts_allocations()) GTEST_SKIP() << "sanitizers replace the allocator";
  for (int threads : {1, 2}) {
    Ready ready(threads);
    ASSERT_TRUE(ready.run());
    const uint64_t before = allocations();
    for (int i = 0; i < 200; ++i) ready.run();
    EXPECT_EQ(allocations() - before, 0u) << threads << " threads";
    const std::vector<Shape> shapes{ready.input.type.shape};
    const uint64_t rebinding = allocations();
    EXPECT_EQ(ready.session->bind(shapes).value(), ready.binding);
    EXPECT_EQ(allocations() - rebinding, 0u);
  }
  const uint64_t before = allocations();
  void* canary = std::malloc(1);
  asm volatile("" : "+r"(canary));  // or the compiler drops the pair
  std::free(canary);
  EXPECT_GT(allocations(), before);
}

TEST(HotPath, DoesNotAllocateForDeadlinesStepTimesAndStops) {
  if (!counts_allocations()) GTEST_SKIP() << "sanitizers replace the allocator";
  Ready ready(1);
  ASSERT_TRUE(ready.run());
  std::atomic<bool> cancel{true};
  std::vector<int64_t> step_ns(64);
  const uint64_t before = allocations();
  EXPECT_TRUE(ready.run({.deadline_ns = INT64_MAX, .step_ns = step_ns}));
  EXPECT_FALSE(ready.run({.deadline_ns = 1}));
  EXPECT_FALSE(ready.run({.cancel = &cancel}));
  EXPECT_EQ(allocations() - before, 0u);
}

TEST(HotPath, DoesNotFault) {
  const auto faults = [] {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt + usage.ru_majflt;
  };
  for (int threads : {1, 2}) {
    Ready ready(threads, 512);
    ASSERT_TRUE(ready.run());
    // The system may move a page at any time, which counts as a fault: one clean window of a few is enough.
    long least = LONG_MAX;
    for (int window = 0; window < 10 && least > 0; ++window) {
      const long before = faults();
      for (int i = 0; i < 10; ++i) ready.run();
      least = std::min(least, faults() - before);
    }
    EXPECT_EQ(least, 0) << threads << " threads";
  }
}

// In the child process: its thread looks once an hour, not in the middle of a test on a slow machine. It is no part of a run.
void look_at_no_quota() { QuotaWatch::process_source().period = std::chrono::hours(1); }

TEST(HotPath, MakesNoSyscallButOneWakeARequest) {
  if (!counts_allocations()) GTEST_SKIP() << "sanitizers make syscalls of their own";
  constexpr int kRuns = 200;
  for (int threads : {1, 2, 3}) {
    std::unique_ptr<Ready> ready;
    const auto guarded = run_without_syscalls(
        [&] {
          look_at_no_quota();
          ready = std::make_unique<Ready>(threads);
          for (int i = 0; i < 3; ++i) ready->run();
        },
        [&] {
          for (int i = 0; i < kRuns; ++i) ready->run();
        });
    EXPECT_TRUE(guarded.finished) << threads << " threads";
    EXPECT_LE(guarded.wakes, threads == 1 ? 0 : kRuns) << threads << " threads";
  }
  EXPECT_FALSE(run_without_syscalls([] {}, [] { getppid(); }).finished);  // the canary
}

TEST(HotPath, SmallRequestsWakeNobody) {
  if (!counts_allocations()) GTEST_SKIP() << "sanitizers make syscalls of their own";
  std::unique_ptr<Ready> ready;
  const auto guarded = run_without_syscalls(
      [&] {
        look_at_no_quota();
        ready = std::make_unique<Ready>(2, 1, false);
        ready->run();
      },
      [&] {
        for (int i = 0; i < 50; ++i) ready->run();
      });
  EXPECT_TRUE(guarded.finished);
  EXPECT_EQ(guarded.wakes, 0);
}

TEST(HotPath, BitsDoNotDependOnTheThreads) {
  Ready one(1);
  ASSERT_TRUE(one.run());
  for (int threads : {2, 3}) {
    Ready many(threads);
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(many.run());
      for (size_t o = 0; o < 2; ++o) ASSERT_EQ(std::memcmp(many.out[o].data(), one.out[o].data(), one.out[o].size() * 4), 0);
    }
  }
}

// The thread of this process that has this name; 0 when there is none.
pid_t thread_named(const std::string& name) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "comm");
    if (std::string comm; std::getline(file, comm) && comm == name) return std::stoi(task.path().filename());
  }
  return 0;
}

void pin(pid_t thread, int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(thread, sizeof set, &set);
}

// Another thread takes the helper's core whenever it likes: the helper is stopped in the middle of chunks, which are taken
// back and computed again.
TEST(HotPath, BitsDoNotDependOnWhoElseWantsTheCores) {
  if (!can_interrupt()) GTEST_SKIP() << "this process cannot interrupt its threads";
  Ready one(1, 2048), two(2, 2048);
  ASSERT_TRUE(one.run());
  const int cpu = sched_getcpu();
  const pid_t helper = thread_named("tercel-1");
  ASSERT_NE(helper, 0);
  pin(helper, cpu == 0 ? 1 : 0);  // where there is only one, the caller is the one who takes it
  sched_param lowest{};
  if (sched_setscheduler(helper, SCHED_IDLE, &lowest) != 0) GTEST_SKIP() << "this process may not lower a thread";
  std::atomic<bool> stop{false};
  std::jthread other([&] {
    pin(0, cpu == 0 ? 1 : 0);
    while (!stop) {
      std::this_thread::sleep_for(std::chrono::microseconds(500));
      for (const int64_t end = platform::now_ns() + 1'000'000; platform::now_ns() < end;) {}
    }
  });
  const int64_t deadline = platform::now_ns() + 20'000'000'000;
  do {
    ASSERT_TRUE(two.run());
    for (size_t o = 0; o < 2; ++o) ASSERT_EQ(std::memcmp(two.out[o].data(), one.out[o].data(), one.out[o].size() * 4), 0);
  } while (two.session->chunks_taken_back() < 20 && platform::now_ns() < deadline);
  stop = true;
  if (two.session->chunks_taken_back() == 0) GTEST_SKIP() << "the machine was too busy to give the helper a turn";
}

}  // namespace
}  // namespace tercel::engine
