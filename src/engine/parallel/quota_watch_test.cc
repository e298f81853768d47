#include "engine/parallel/quota_watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "engine/allocation_counter.h"
#include "engine/parallel/pool.h"
#include "engine/test_program.h"
#include "platform/clock.h"

namespace tercel::engine {
namespace {

// Threads of this process that have this name.
std::vector<std::filesystem::path> threads_named(const std::string& name) {
  std::vector<std::filesystem::path> found;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "comm");
    if (std::string comm; std::getline(file, comm) && comm == name) found.push_back(task.path());
  }
  return found;
}

// Control groups in a folder of their own, which the process's watch follows.
class Quota : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "tercel_quota_" + std::to_string(::getpid());
    std::filesystem::create_directories(root_ + "/box");
    put("/proc_cgroup", "0::/box\n");
    put("/box/cpu.max", "max 100000");
    before_ = QuotaWatch::process_source();
    QuotaWatch::process_source() = source();
  }
  void TearDown() override {
    QuotaWatch::process_source() = before_;
    std::filesystem::remove_all(root_);
  }
  QuotaWatch::Source source() const { return {root_ + "/proc_cgroup", root_, std::chrono::milliseconds(2)}; }

  // At once, as the system changes such a file: nobody reads half of it.
  void put(const std::string& path, const std::string& text) {
    std::ofstream(root_ + "/aside") << text;
    std::filesystem::rename(root_ + "/aside", root_ + path);
  }

  template <typename F>
  static bool comes_true(F&& condition) {
    for (const int64_t end = platform::now_ns() + 30'000'000'000; platform::now_ns() < end; usleep(1000))
      if (condition()) return true;
    return false;
  }

  std::string root_;
  QuotaWatch::Source before_;
};

TEST_F(Quota, IsFollowed) {
  put("/box/cpu.stat", "nr_periods 10\nnr_throttled 3\n");
  const QuotaWatch watch(source());
  EXPECT_GT(watch.threads(), 1000);
  EXPECT_EQ(watch.throttled(), 3u);
  put("/box/cpu.max", "150000 100000");
  EXPECT_TRUE(comes_true([&] { return watch.threads() == 2; }));
  put("/box/cpu.max", "20000 100000");
  EXPECT_TRUE(comes_true([&] { return watch.threads() == 1; }));
  put("/box/cpu.stat", "nr_periods 10\nnr_throttled 5\n");
  EXPECT_TRUE(comes_true([&] { return watch.throttled() == 5; }));
  put("/box/cpu.max", "max 100000");
  EXPECT_TRUE(comes_true([&] { return watch.threads() > 1000; }));
}

TEST_F(Quota, OfVersionOneIsFollowed) {
  std::filesystem::create_directories(root_ + "/cpu,cpuacct/box");
  put("/proc_cgroup", "4:cpu,cpuacct:/box\n");
  put("/cpu,cpuacct/box/cpu.cfs_period_us", "100000\n");
  put("/cpu,cpuacct/box/cpu.cfs_quota_us", "-1\n");
  const QuotaWatch watch(source());
  EXPECT_GT(watch.threads(), 1000);
  put("/cpu,cpuacct/box/cpu.cfs_quota_us", "90000\n");
  EXPECT_TRUE(comes_true([&] { return watch.threads() == 1; }));
}

TEST_F(Quota, IsFollowedWithoutAllocating) {
  if (!counts_allocations()) GTEST_SKIP() << "sanitizers replace the allocator";
  const QuotaWatch watch(source());
  const uint64_t before = allocations();
  usleep(50'000);
  EXPECT_EQ(allocations() - before, 0u);
}

TEST_F(Quota, OneThreadWatchesForAllSessionsOfMoreThanOneThread) {
  GraphMaker g;
  g.output(g.node("Relu", {g.input("x", DType::kFloat32, {Dim(4)})}));
  const auto program = program_of(std::move(g));
  auto alone = Session::open(program, {.threads = 1}).take();
  EXPECT_EQ(threads_named("tercel-quota").size(), 0u);
  auto first = Session::open(program, {.threads = 2}).take(), second = Session::open(program, {.threads = 3}).take();
  EXPECT_EQ(threads_named("tercel-quota").size(), 1u);
  first.reset();
  EXPECT_EQ(threads_named("tercel-quota").size(), 1u);
  second.reset();
  EXPECT_EQ(threads_named("tercel-quota").size(), 0u);
}

// How often a thread went to sleep so far.
long sleeps_of(const std::filesystem::path& task) {
  std::ifstream status(task / "status");
  constexpr std::string_view kKey = "voluntary_ctxt_switches:";
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(kKey)) return std::stol(line.substr(kKey.size()));
  return -1;
}

// A session on two threads, and how often its helper went to sleep so far.
class TwoThreads {
 public:
  TwoThreads() : session_(Session::open(program(), {.threads = 2, .linger = false}).take()) {
    helper_ = threads_named("tercel-1").at(0);
    binding_ = session_->bind(std::vector<Shape>{kShape}).value();
    data_.resize(static_cast<size_t>(kShape.elements()));
    for (size_t i = 0; i < data_.size(); ++i) data_[i] = static_cast<float>(i % 89) / 89;
  }

  std::vector<float> run() {
    const InputView input{{DType::kFloat32, kShape}, data_.data()};
    OutputView output;
    check(session_->run(*binding_, {&input, 1}, {}, {&output, 1}).ok(), "it runs");
    const auto* values = static_cast<const float*>(output.data);
    return {values, values + kShape.elements()};
  }

  long sleeps() const { return sleeps_of(helper_); }

 private:
  static inline const Shape kShape{Dim(512), Dim(512)};

  static std::shared_ptr<plan::Program> program() {
    GraphMaker g;
    const auto weights = g.floats(kShape, std::vector<float>(512 * 512, 0.01f));
    g.output(g.node("MatMul", {g.input("x", DType::kFloat32, kShape), weights}));
    return program_of(std::move(g));
  }

  std::unique_ptr<Session> session_;
  std::filesystem::path helper_;
  const Binding* binding_;
  std::vector<float> data_;
};

TEST_F(Quota, ThatShrinksLetsHelpersSleepAndChangesNoBits) {
  TwoThreads session;
  const auto watch = QuotaWatch::of_process();  // the session's
  const auto expected = session.run();
  const auto wakes_helper = [&] {
    const long before = session.sleeps();
    return comes_true([&] { return session.run() == expected && session.sleeps() > before; });
  };
  EXPECT_TRUE(wakes_helper());
  put("/box/cpu.max", "50000 100000");
  ASSERT_TRUE(comes_true([&] { return watch->threads() == 1; }));
  usleep(100'000);  // it is asleep
  const long before = session.sleeps();
  for (int i = 0; i < 50; ++i) ASSERT_EQ(session.run(), expected);
  EXPECT_EQ(session.sleeps(), before);
  put("/box/cpu.max", "200000 100000");
  ASSERT_TRUE(comes_true([&] { return watch->threads() == 2; }));
  EXPECT_TRUE(wakes_helper());
}

TEST_F(Quota, WakesNoMoreHelpersThanItKeepsRunning) {
  put("/box/cpu.max", "200000 100000");
  constexpr int kThreads = 9, kRequests = 100;
  auto pool = Pool::start(kThreads, true, QuotaWatch::of_process()).take();
  EXPECT_EQ(pool->count(), kThreads);
  EXPECT_EQ(pool->usable(), 2);
  const auto sleeps = [] {
    long all = 0;
    for (int worker = 1; worker < kThreads; ++worker) all += sleeps_of(threads_named("tercel-" + std::to_string(worker)).at(0));
    return all;
  };
  const long before = sleeps();
  for (int request = 0; request < kRequests; ++request) {
    pool->begin_request(true);
    std::atomic<int> ran{0};
    pool->for_in_place().run(64, [&](int, int) { ++ran; });
    EXPECT_EQ(ran, 64);
    pool->end_request(true);  // does not linger
    usleep(500);
  }
  // One each; a helper that leaves the caller's CPU sleeps once more. All helpers would be eight.
  EXPECT_LT(sleeps() - before, 4 * kRequests);
}

}  // namespace
}  // namespace tercel::engine
