#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <vector>

#include "platform/clock.h"
#include "serve/executor.h"
#include "serve/testing_job.h"
#include "serve/testing_models.h"

// Which variant of a ladder answers, through executor and scheduler, in real time.
namespace tercel::serve {
namespace {

using std::chrono_literals::operator""ms;

constexpr uint32_t kAccurate = 0, kFast = 1;

// 20 ms or 5 ms, one at a time.
struct LadderFixture {
  explicit LadderFixture(sched::VariantPolicy policy, std::chrono::microseconds fast = 5ms)
      : model(echo_ladder({{"accurate", 0.98f, 20ms}, {"fast", 0.9f, fast}}, 1)), executor({.threads = 1}) {
    id = executor.add(model, {.policy = policy}).take();
  }
  ~LadderFixture() { executor.remove(id); }

  // A hard request with so much time.
  Result<Executor::Submitted> submit(WaitedJob& waited, std::chrono::milliseconds within, float min_accuracy = 0) {
    waited.job.clock.start(platform::now_ns());
    waited.job.terms = {.request_class = request::Class::kHard,
                        .deadline_ns = platform::now_ns() + std::chrono::nanoseconds(within).count(),
                        .min_accuracy = min_accuracy};
    return executor.submit(id, waited.job);
  }
  // The variant that answers a request that is alone, or none where it failed.
  std::optional<uint32_t> alone(std::chrono::milliseconds within, float min_accuracy = 0) {
    WaitedJob waited;
    const auto submitted = submit(waited, within, min_accuracy);
    if (!submitted.ok()) return std::nullopt;
    if (*submitted == Executor::Submitted::kPending) waited.finished.acquire();
    if (waited.job.error) return std::nullopt;
    return waited.job.variant;
  }

  registry::OpenedModel model;
  Executor executor;
  sched::ModelId id = 0;
};

// What came of 20 requests at once.
struct Burst {
  Burst(LadderFixture& f, std::chrono::milliseconds within, float min_accuracy_of_first = 0) {
    std::array<WaitedJob, 20> jobs;
    std::array<bool, 20> taken{};
    for (size_t i = 0; i < jobs.size(); ++i) taken[i] = f.submit(jobs[i], within, i < 3 ? min_accuracy_of_first : 0).ok();
    for (size_t i = 0; i < jobs.size(); ++i) {
      if (taken[i]) jobs[i].finished.acquire();
      refused += !taken[i];
      if (!taken[i] || jobs[i].job.error) continue;
      ++answered[jobs[i].job.variant];
      if (i < 3) ++first_answered[jobs[i].job.variant];
    }
  }
  std::array<int, 2> answered{}, first_answered{};  // by variant
  int refused = 0;
};

TEST(Ladder, TheAccurateVariantAnswersAloneAndTheFastOneUnderABurst) {
  LadderFixture f(sched::VariantPolicy::kDegrade);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(f.alone(200ms), kAccurate);
  const Burst burst(f, 200ms);  // 400 ms of the accurate one, 100 of the fast one
  EXPECT_EQ(burst.refused, 0);
  EXPECT_GE(burst.answered[kAccurate] + burst.answered[kFast], 18) << "a machine may stop us now and then";
  EXPECT_GE(burst.answered[kFast], 10) << "ten accurate ones are too many";
  EXPECT_GE(burst.answered[kAccurate], 1) << "there is more time than the fast one takes";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(f.alone(200ms), kAccurate) << "it comes back";
}

TEST(Ladder, DegradesForADeadlineThatOnlyTheFastOneMeets) {
  LadderFixture f(sched::VariantPolicy::kDegrade);
  EXPECT_EQ(f.alone(15ms), kFast);
  EXPECT_EQ(f.alone(15ms, 0.95f), std::nullopt) << "and not for who asks for more accuracy";
  EXPECT_EQ(f.alone(200ms, 0.95f), kAccurate);
}

TEST(Ladder, NobodyGetsLessAccuracyThanItAsksFor) {
  LadderFixture f(sched::VariantPolicy::kDegrade);
  const Burst burst(f, 200ms, 0.95f);
  EXPECT_EQ(burst.first_answered[kFast], 0);
  EXPECT_GE(burst.first_answered[kAccurate], 2);
  EXPECT_GE(burst.answered[kFast], 10);
}

TEST(Ladder, PolicyOffNeverDegrades) {
  LadderFixture f(sched::VariantPolicy::kOff);
  const Burst burst(f, 200ms);
  EXPECT_EQ(burst.answered[kFast], 0);
  EXPECT_GE(burst.answered[kAccurate], 5);
  EXPECT_GE(burst.refused, 9) << "400 ms of work do not fit into 200";
  EXPECT_EQ(f.alone(15ms), std::nullopt);
}

TEST(Ladder, TheCheapestThatMeetsIsTheFastestThatIsAccurateEnough) {
  LadderFixture f(sched::VariantPolicy::kCheapest);
  EXPECT_EQ(f.alone(200ms), kFast);
  EXPECT_EQ(f.alone(200ms, 0.9f), kFast);
  EXPECT_EQ(f.alone(200ms, 0.95f), kAccurate);
}

TEST(Ladder, WhatNoRoomCouldChangeIsTheClientsMistake) {
  LadderFixture f(sched::VariantPolicy::kDegrade);
  WaitedJob waited;
  const auto too_accurate = f.submit(waited, 200ms, 0.99f);
  ASSERT_FALSE(too_accurate.ok());
  EXPECT_EQ(too_accurate.error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(too_accurate.error().message(), "no variant of the model is as accurate as min_accuracy asks; ask for less");
  waited.job.terms = {.request_class = request::Class::kHard};
  const auto endless = f.executor.submit(f.id, waited.job);
  ASSERT_FALSE(endless.ok());
  EXPECT_EQ(endless.error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(waited.job.refusal, sched::Refusal::kNoDeadline);
}

// A thread that submits computes what is short: that is for each variant to say.
TEST(Ladder, OnlyTheFastVariantIsComputedOnTheCallingThread) {
  LadderFixture f(sched::VariantPolicy::kDegrade, 0ms);
  WaitedJob fast, accurate;
  const auto inside = f.submit(fast, 15ms);
  ASSERT_TRUE(inside.ok());
  EXPECT_EQ(*inside, Executor::Submitted::kDone);
  EXPECT_EQ(fast.job.variant, kFast);
  const auto outside = f.submit(accurate, 200ms);
  ASSERT_TRUE(outside.ok());
  ASSERT_EQ(*outside, Executor::Submitted::kPending);
  accurate.finished.acquire();
  EXPECT_EQ(accurate.job.variant, kAccurate);
}

}  // namespace
}  // namespace tercel::serve
