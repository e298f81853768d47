#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "engine/test_program.h"
#include "plan/plan.h"
#include "platform/page_lock.h"
#include "platform/small_lock_limit.h"

// SessionOptions::lock_memory. That locked pages stay is platform/page_lock_test.cc's; here, which pages are.
namespace tercel::engine {
namespace {

using testing::HasSubstr;
constexpr int64_t kWidth = 256;
constexpr size_t kWeightBytes = kWidth * kWidth * sizeof(float);

struct Locked {
  size_t all = 0, of_plan = 0;  // bytes
};

// Of this process; `of_plan`: in mappings of this file.
Locked locked(const std::string& plan) {
  std::ifstream maps("/proc/self/smaps");
  Locked found;
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('-') != line.npos && line.find('-') < line.find(' ')) inside = line.ends_with(plan);
    if (!line.starts_with("Locked:")) continue;
    const size_t bytes = std::stoul(line.substr(7)) * 1024;
    found.all += bytes;
    if (inside) found.of_plan += bytes;
  }
  return found;
}

// Bytes that are locked as the system counts them for the limit.
size_t locked_of_status() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmLck:")) return std::stoul(line.substr(6)) * 1024;
  return 0;
}

class LockMemory : public testing::Test {
 protected:
  void SetUp() override {
    alignas(4096) static std::byte page[4096];
    if (!mlock_works(page)) GTEST_SKIP() << "this process may not lock memory, or a sanitizer does as if it did";
    path_ = testing::TempDir() + "tercel_lock_" + std::to_string(getpid()) + ".plan";
    GraphMaker g;
    const auto x = g.input("x", DType::kFloat32, {Dim::symbol(0), Dim(kWidth)});
    // One constant that is read where it is mapped, and one that is packed first.
    const auto sum = g.node("Add", {x, g.floats({Dim(1), Dim(kWidth)}, std::vector<float>(kWidth, 1))});
    const auto mapped = g.floats({Dim(kWidth), Dim(kWidth)}, std::vector<float>(kWidth * kWidth, 0.5f));
    g.output(g.node("tercel.Dense", {sum, g.floats({Dim(kWidth), Dim(kWidth)}, std::vector<float>(kWidth * kWidth, 0.125f))}));
    g.output(g.node("Add", {mapped, g.node("ReduceSum", {x, g.ints({0, 1})}, attributes_of({{"keepdims", int64_t{0}}}))}));
    ASSERT_TRUE(plan::write(*program_of(std::move(g), {"n"}), path_).ok());
    program_ = plan::open(path_).take();
  }
  void TearDown() override { std::filesystem::remove(path_); }

  static bool mlock_works(std::byte* page) {
    const size_t before = locked_of_status();
    const std::span<const std::byte> bytes(page, 4096);
    const auto lock = platform::PageLock::take({&bytes, 1});
    return lock.ok() && locked_of_status() > before;
  }

  std::unique_ptr<Session> open(int threads) const {
    auto session = Session::open(program_, {.threads = threads, .lock_memory = true});
    if (!session.ok()) return nullptr;
    return session.take();
  }
  static std::vector<Shape> rows(int64_t n) { return {{Dim(n), Dim(kWidth)}}; }

  std::string path_;
  std::shared_ptr<const plan::Program> program_;
};

TEST_F(LockMemory, IsOffUnlessAskedFor) {
  const size_t before = locked_of_status();
  const auto session = Session::open(program_, {.threads = 2}).take();
  ASSERT_TRUE(session->bind(rows(64)).ok());
  EXPECT_EQ(locked_of_status(), before);
}

TEST_F(LockMemory, LocksTheArenaTheWeightsAndTheStacks) {
  const size_t before = locked_of_status();
  auto session = open(2);
  if (!session) GTEST_SKIP() << "this process may lock too little";
  const size_t stacks = locked_of_status() - before;
  EXPECT_GE(stacks, size_t{256} << 10);
  const auto bound = session->bind(rows(64));
  if (!bound.ok()) GTEST_SKIP() << bound.error().message();
  const size_t bound_bytes = locked_of_status() - before - stacks;
  EXPECT_GE(bound_bytes, session->arena_bytes(**bound) + 2 * kWeightBytes);
  EXPECT_GE(locked(path_).of_plan, kWeightBytes);
  EXPECT_LT(locked(path_).of_plan, 2 * kWeightBytes);  // what the packed one was made of is not read
  // Another shape: the weights are the same, the arena may be larger.
  ASSERT_TRUE(session->bind(rows(1)).ok());
  EXPECT_LT(locked_of_status() - before - stacks, bound_bytes + kWeightBytes);
  session.reset();
  EXPECT_EQ(locked_of_status(), before);
  EXPECT_EQ(locked(path_).of_plan, 0u);
}

TEST_F(LockMemory, IsReleasedWithTheLastSessionThatUsesIt) {
  const size_t before = locked_of_status();
  auto first = open(1), second = open(1);
  if (!first || !first->bind(rows(64)).ok()) GTEST_SKIP() << "this process may lock too little";
  ASSERT_TRUE(second->bind(rows(64)).ok());
  first.reset();
  EXPECT_GE(locked_of_status() - before, 2 * kWeightBytes);
  second.reset();
  EXPECT_EQ(locked_of_status(), before);
}

TEST_F(LockMemory, IsReleasedWithTheShapesThatAreForgotten) {
  auto session = Session::open(program_, {.threads = 1, .bindings_max = 1, .lock_memory = true}).take();
  if (!session->bind(rows(4096)).ok()) GTEST_SKIP() << "this process may lock too little";
  const size_t large = locked_of_status();
  ASSERT_TRUE(session->bind(rows(1)).ok());
  EXPECT_LT(locked_of_status(), large - 3'000'000);
  const auto outputs = run_once_for_test(*session, {tensor_of(rows(1)[0], std::vector<float>(kWidth, 1))}).take();
  EXPECT_EQ(floats_of(outputs[0])[0], 2 * 0.125f * kWidth);
  ASSERT_TRUE(session->bind(rows(4096)).ok());
  EXPECT_GT(locked_of_status(), large - 100'000);  // its steps may lie in fewer pages than before
  EXPECT_LT(locked_of_status(), large + 100'000);
}

TEST_F(LockMemory, IsRefusedWhereTheLimitIsTooSmall) {
  const size_t before = locked_of_status();
  const platform::SmallLockLimit limit(before + (128 << 10));
  if (!limit.works()) GTEST_SKIP() << "this process may not change its limit, or a sanitizer does as if it locked";
  const auto refused = Session::open(program_, {.threads = 2, .lock_memory = true});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kExhausted);
  EXPECT_THAT(refused.error().message(), HasSubstr(std::to_string(before + (128 << 10)) + " (RLIMIT_MEMLOCK)"));
  EXPECT_THAT(refused.error().message(), HasSubstr("LimitMEMLOCK="));
  EXPECT_EQ(locked_of_status(), before);

  auto session = Session::open(program_, {.threads = 1, .lock_memory = true}).take();
  const auto bound = session->bind(rows(64));
  ASSERT_FALSE(bound.ok());
  EXPECT_EQ(bound.error().code(), ErrorCode::kExhausted);
  EXPECT_THAT(bound.error().message(), HasSubstr("ulimit -l"));
  session.reset();
  EXPECT_EQ(locked_of_status(), before);
}

}  // namespace
}  // namespace tercel::engine
