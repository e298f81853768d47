#include "serve/executor.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "platform/clock.h"
#include "serve/testing_job.h"
#include "serve/testing_models.h"

namespace tercel::serve {
namespace {

using std::chrono_literals::operator""ms;

struct Fixture {
  Fixture(const EchoBehaviour& behaviour, uint32_t instances, uint32_t queue_max, int64_t compute_ns)
      : model(echo_model(behaviour, instances, compute_ns)), executor({.threads = instances}) {
    id = executor.add(model, {.queue_max = queue_max}).take();
  }
  ~Fixture() { executor.remove(id); }
  Result<Executor::Submitted> submit(Job& job) { return executor.submit(id, job); }

  registry::OpenedModel model;
  Executor executor;
  sched::ModelId id = 0;
};

TEST(Executor, ComputesShortRequestsOnTheCallingThread) {
  Fixture f({}, 1, 4, 1000);
  WaitedJob waited;
  const auto submitted = f.submit(waited.job);
  ASSERT_TRUE(submitted.ok());
  EXPECT_EQ(*submitted, Executor::Submitted::kDone);
  EXPECT_FALSE(waited.job.error);
  EXPECT_EQ(static_cast<const float*>(waited.job.reply.outputs[0].data)[3], 4.0f);
}

TEST(Executor, HandsLongColdOrUnmeasuredOnesToItsThread) {
  struct Case {
    EchoBehaviour behaviour;
    int64_t compute_ns;
  };
  for (const auto& c : {Case{{}, 0}, Case{{}, kInlineComputeNs + 1}, Case{{.warm = false}, 1000}}) {
    Fixture f(c.behaviour, 1, 4, c.compute_ns);
    WaitedJob waited;
    const auto submitted = f.submit(waited.job);
    ASSERT_TRUE(submitted.ok());
    ASSERT_EQ(*submitted, Executor::Submitted::kPending);
    waited.finished.acquire();
    EXPECT_FALSE(waited.job.error);
    EXPECT_EQ(waited.job.reply.outputs[0].type.shape, (Shape{1, 4}));
  }
}

TEST(Executor, RefusesWhenTheQueueIsFullAndServesWhatWaits) {
  Fixture f({.takes = 20ms}, 1, 2, 0);
  std::array<WaitedJob, 4> jobs;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(f.submit(jobs[static_cast<size_t>(i)].job).ok()) << i;
  const auto refused = f.submit(jobs[3].job);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kExhausted);
  for (int i = 0; i < 3; ++i) jobs[static_cast<size_t>(i)].finished.acquire();
  EXPECT_GE(jobs[2].job.clock.spent_ns(request::Stage::kQueue), 30'000'000);
  EXPECT_GE(jobs[2].job.clock.spent_ns(request::Stage::kCompute), 20'000'000);
  ASSERT_TRUE(f.submit(jobs[3].job).ok());
  jobs[3].finished.acquire();
  EXPECT_EQ(f.executor.load(f.id).batches, 4u);
}

TEST(Executor, RunsInstancesInParallel) {
  std::atomic<int> running{0};
  Fixture f({.takes = 50ms, .running = &running}, 2, 2, 0);
  std::array<WaitedJob, 2> jobs;
  for (auto& waited : jobs) ASSERT_TRUE(f.submit(waited.job).ok());
  int most = 0;
  for (int i = 0; i < 40; ++i, std::this_thread::sleep_for(1ms)) most = std::max(most, running.load());
  for (auto& waited : jobs) waited.finished.acquire();
  EXPECT_EQ(most, 2);
}

TEST(Executor, DropsWhatExpiredInTheQueueAndReportsFailures) {
  Fixture f({.takes = 300ms}, 1, 2, 0);
  std::array<WaitedJob, 2> jobs;
  // Nothing is known of the model yet: the second one is taken, and told when its time has come, not when the first is done.
  jobs[1].job.terms = {request::Class::kHard, platform::now_ns() + 2'000'000};
  for (auto& waited : jobs) ASSERT_TRUE(f.submit(waited.job).ok());
  jobs[1].finished.acquire();
  EXPECT_FALSE(jobs[0].finished.try_acquire()) << "300 ms are not over";
  ASSERT_TRUE(jobs[1].job.error);
  EXPECT_EQ(jobs[1].job.error->code(), ErrorCode::kDeadline);
  EXPECT_EQ(jobs[1].job.clock.spent_ns(request::Stage::kCompute), 0);
  jobs[0].finished.acquire();
  EXPECT_FALSE(jobs[0].job.error);

  Fixture failing({.fails = true}, 1, 2, 1000);
  WaitedJob waited;
  ASSERT_TRUE(failing.submit(waited.job).ok());
  ASSERT_TRUE(waited.job.error);
  EXPECT_EQ(waited.job.error->message(), "this model always fails");
}

TEST(Executor, RefusesAtOnceWhatCannotBeInTime) {
  Fixture f({.takes = 300ms}, 1, 8, 300'000'000);
  const auto hard = [](int64_t within_ns) { return request::Terms{request::Class::kHard, platform::now_ns() + within_ns}; };
  WaitedJob running, behind, short_one, past;
  ASSERT_TRUE(f.submit(running.job).ok());
  behind.job.terms = hard(400'000'000);  // 300 ms of its own behind 300 ms of another's
  short_one.job.terms = hard(10'000'000);
  past.job.terms = hard(-1);
  for (WaitedJob* refused : {&behind, &short_one, &past}) {
    const auto submitted = f.submit(refused->job);
    ASSERT_FALSE(submitted.ok());
    EXPECT_EQ(submitted.error().code(), refused == &past ? ErrorCode::kDeadline : ErrorCode::kExhausted);
  }
  EXPECT_EQ(behind.job.refusal, sched::Refusal::kOverload);
  EXPECT_GT(behind.job.retry_after_ns, 0);
  EXPECT_LT(behind.job.retry_after_ns, 320'000'000);
  EXPECT_EQ(short_one.job.refusal, sched::Refusal::kTooShort);
  running.finished.acquire();
}

TEST(Executor, TheEarliestDeadlineGoesFirstAndHardBeforeSoft) {
  Fixture f({.takes = 20ms}, 1, 8, 20'000'000);
  std::array<WaitedJob, 5> jobs;
  const auto at = [](request::Class c, int64_t ms) { return request::Terms{c, platform::now_ns() + ms * 1'000'000}; };
  jobs[1].job.terms = at(request::Class::kSoft, 10'000);
  jobs[2].job.terms = at(request::Class::kHard, 20'000);
  jobs[3].job.terms = at(request::Class::kHard, 10'000);
  jobs[4].job.terms = {request::Class::kBulk, request::kNoDeadline};
  for (auto& waited : jobs) ASSERT_TRUE(f.submit(waited.job).ok());
  for (auto& waited : jobs) waited.finished.acquire();
  const auto done = [&](size_t i) { return jobs[i].job.clock.last_ns(); };
  EXPECT_LT(done(0), done(3));
  EXPECT_LT(done(3), done(2));
  EXPECT_LT(done(2), done(1));
  EXPECT_LT(done(1), done(4));
}

TEST(Executor, RequestsThatWaitShareABatchAndGetTheirOwnRows) {
  Fixture f({.takes = 20ms, .rows_max = 4}, 1, 16, 20'000'000);
  std::array<WaitedJob, 7> jobs;
  for (size_t i = 0; i < jobs.size(); ++i) jobs[i].values[0] = static_cast<float>(i + 100);
  // The last two have rows of another length: they share a batch with each other only.
  for (size_t i : {5u, 6u}) jobs[i].job.request.inputs[0].type.shape = {1, 3};
  for (auto& waited : jobs) ASSERT_TRUE(f.submit(waited.job).ok());
  for (auto& waited : jobs) waited.finished.acquire();
  const std::array<uint32_t, 7> sizes = {1, 4, 4, 4, 4, 2, 2};
  for (size_t i = 0; i < jobs.size(); ++i) {
    ASSERT_FALSE(jobs[i].job.error) << i;
    EXPECT_EQ(jobs[i].job.batch_size, sizes[i]) << i;
    EXPECT_EQ(jobs[i].job.reply.outputs[0].type, jobs[i].job.request.inputs[0].type);
    EXPECT_EQ(static_cast<const float*>(jobs[i].job.reply.outputs[0].data)[0], static_cast<float>(i + 100));
  }
  EXPECT_EQ(f.executor.load(f.id).batches, 3u);
}

TEST(Executor, ARequestWithMoreRowsThanABatchGoesAlone) {
  Fixture f({.takes = 5ms, .rows_max = 2}, 1, 16, 5'000'000);
  std::array<float, 20> values;
  values.fill(3);
  std::array<WaitedJob, 3> jobs;
  jobs[1].job.request.inputs = {{{DType::kFloat32, Shape{5, 4}}, values.data()}};
  for (auto& waited : jobs) ASSERT_TRUE(f.submit(waited.job).ok());
  for (auto& waited : jobs) waited.finished.acquire();
  EXPECT_EQ(jobs[1].job.batch_size, 1u);
  EXPECT_EQ(jobs[1].job.reply.outputs[0].type.shape, (Shape{5, 4}));
}

TEST(Executor, AFailureHarmsNobodyElseInTheBatch) {
  Fixture f({.takes = 5ms, .fails_on = 13, .rows_max = 4}, 1, 16, 5'000'000);
  std::array<WaitedJob, 5> jobs;
  jobs[2].values[0] = 13;
  for (auto& waited : jobs) ASSERT_TRUE(f.submit(waited.job).ok());
  for (auto& waited : jobs) waited.finished.acquire();
  for (size_t i = 0; i < jobs.size(); ++i) EXPECT_EQ(jobs[i].job.error.has_value(), i == 2) << i;
}

// Two models on one thread.
struct TwoModels : Fixture {
  TwoModels(const EchoBehaviour& first, int64_t first_ns, const EchoBehaviour& second, int64_t second_ns)
      : Fixture(first, 1, 16, first_ns), other_model(echo_model(second, 1, second_ns)) {
    other = executor.add(other_model, {}).take();
  }
  ~TwoModels() { executor.remove(other); }
  registry::OpenedModel other_model;
  sched::ModelId other = 0;
};

TEST(Executor, BulkWorkGivesItsThreadAwayAndGoesOnLater) {
  TwoModels f({.takes = 200ms, .yields = true}, 200'000'000, {.takes = 2ms}, 2'000'000);
  WaitedJob bulk;
  bulk.job.terms = {request::Class::kBulk, request::kNoDeadline};
  ASSERT_TRUE(f.submit(bulk.job).ok());
  for (int i = 0; i < 3; ++i) {
    WaitedJob urgent;
    urgent.job.terms = {request::Class::kHard, platform::now_ns() + 50'000'000};
    ASSERT_TRUE(f.executor.submit(f.other, urgent.job).ok()) << i;
    urgent.finished.acquire();
    EXPECT_FALSE(urgent.job.error);
    EXPECT_FALSE(bulk.finished.try_acquire()) << "200 ms are not over";
  }
  bulk.finished.acquire();
  EXPECT_FALSE(bulk.job.error);
  EXPECT_GE(f.executor.load(f.id).preempted, 1u);
}

TEST(Executor, WhatNobodyWaitsForIsNotComputed) {
  Fixture f({.takes = 500ms, .yields = true}, 1, 16, 500'000'000);
  WaitedJob runs, waits;
  ASSERT_TRUE(f.submit(runs.job).ok());
  ASSERT_TRUE(f.submit(waits.job).ok());
  EXPECT_TRUE(f.executor.withdraw(waits.job));
  EXPECT_FALSE(f.executor.withdraw(waits.job)) << "it is its owner's already";
  const int64_t begun = platform::now_ns();
  EXPECT_FALSE(f.executor.withdraw(runs.job)) << "it is computed: done() will say when it is over";
  runs.finished.acquire();
  EXPECT_LT(platform::now_ns() - begun, 400'000'000);
  EXPECT_FALSE(waits.finished.try_acquire());
  EXPECT_FALSE(f.executor.withdraw(runs.job)) << "it is done";
}

// What has yielded can be cancelled too: its thread wakes only to end.
TEST(Executor, WhatHasYieldedCanBeWithdrawn) {
  TwoModels f({.takes = 300ms, .yields = true}, 300'000'000, {.takes = 50ms}, 50'000'000);
  WaitedJob bulk, urgent;
  bulk.job.terms = {request::Class::kBulk, request::kNoDeadline};
  urgent.job.terms = {request::Class::kHard, platform::now_ns() + 500'000'000};
  ASSERT_TRUE(f.submit(bulk.job).ok());
  ASSERT_TRUE(f.executor.submit(f.other, urgent.job).ok());
  for (int i = 0; i < 200 && f.executor.load(f.id).preempted == 0; ++i) std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(5ms);
  EXPECT_FALSE(f.executor.withdraw(bulk.job));
  bulk.finished.acquire();
  EXPECT_TRUE(bulk.job.error);
  EXPECT_FALSE(urgent.finished.try_acquire()) << "50 ms are not over";
  urgent.finished.acquire();
}

TEST(Executor, AReservedStreamIsServedBesideBulkWork) {
  TwoModels f({.takes = 100ms, .yields = true}, 100'000'000, {.takes = 1ms}, 1'000'000);
  const sched::Reservation reservation{.model = f.other, .period_ns = 20'000'000, .deadline_ns = 20'000'000};
  const auto stream = f.executor.reserve(reservation);
  ASSERT_TRUE(stream.ok()) << stream.error().message();
  sched::Reservation too_much = reservation;
  too_much.period_ns = 1'500'000;
  EXPECT_FALSE(f.executor.reserve(too_much).ok());
  WaitedJob bulk;
  bulk.job.terms = {request::Class::kBulk, request::kNoDeadline};
  ASSERT_TRUE(f.submit(bulk.job).ok());
  for (int i = 0; i < 3; ++i) {
    WaitedJob tick;
    tick.job.terms = {request::Class::kGuaranteed, platform::now_ns() + 20'000'000, 0, *stream};
    ASSERT_TRUE(f.executor.submit(f.other, tick.job).ok()) << i;
    tick.finished.acquire();
    EXPECT_FALSE(tick.job.error);
    std::this_thread::sleep_for(20ms);
  }
  bulk.finished.acquire();
  f.executor.release(*stream);
}

// On the calling thread a run cannot yield, so that its length counts and not that of its steps.
TEST(Executor, WhatAStreamCannotBearIsNotComputedInPlace) {
  TwoModels f({.yields = true}, 190'000, {}, 100'000);
  const auto submitted = [&] {
    WaitedJob waited;
    const auto result = f.submit(waited.job);
    if (*result == Executor::Submitted::kPending) waited.finished.acquire();
    return *result;
  };
  EXPECT_EQ(submitted(), Executor::Submitted::kDone);
  // Counted as 220 us, so that 230 us of anything else may be in the way: steps of 200 us, but no run of 290 us.
  const auto stream = f.executor.reserve({.model = f.other, .period_ns = 1'000'000, .deadline_ns = 450'000});
  ASSERT_TRUE(stream.ok()) << stream.error().message();
  EXPECT_EQ(submitted(), Executor::Submitted::kPending);
  f.executor.release(*stream);
  EXPECT_EQ(submitted(), Executor::Submitted::kDone);
}

// Several threads submit to fast instances: each request is computed once, inline or not, and none is lost.
TEST(Executor, SurvivesManySubmitters) {
  Fixture f({}, 2, 64, 1000);
  std::atomic<int> answered{0}, refused{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      WaitedJob waited;
      for (int i = 0; i < 2000; ++i) {
        waited.values[0] = static_cast<float>(i);
        waited.job.clock.start(platform::now_ns());
        const auto submitted = f.submit(waited.job);
        if (!submitted.ok()) {
          ++refused;
          continue;
        }
        if (*submitted == Executor::Submitted::kPending) waited.finished.acquire();
        if (static_cast<const float*>(waited.job.reply.outputs[0].data)[0] == static_cast<float>(i)) ++answered;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(answered + refused, 8000);
  EXPECT_EQ(refused, 0);
  EXPECT_EQ(f.executor.load(f.id).computing, 0u);
}

// The same with classes and deadlines of all kinds, more than the instances can do: every job is answered or refused, once.
TEST(Executor, AnswersOrRefusesEveryJobOnce) {
  Fixture f({.takes = std::chrono::microseconds(200)}, 2, 16, 200'000);
  std::atomic<int> in_time{0}, told{0}, refused{0}, unasked{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      WaitedJob waited;
      for (int i = 0; i < 300; ++i) {
        const auto c = static_cast<request::Class>(1 + random() % 3);
        const int64_t now = platform::now_ns(), within_ns = static_cast<int64_t>(random() % 3'000'000);
        waited.job.clock.start(now);
        waited.job.terms = {c, c == request::Class::kBulk ? request::kNoDeadline : now + within_ns};
        const auto submitted = f.submit(waited.job);
        if (!submitted.ok()) ++refused;
        else if (*submitted == Executor::Submitted::kPending) waited.finished.acquire();
        if (submitted.ok()) ++(waited.job.error ? told : in_time);
        unasked += waited.finished.try_acquire();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(in_time + told + refused, 6 * 300);
  EXPECT_EQ(unasked, 0);
  EXPECT_GT(in_time, 0);
  EXPECT_GT(refused, 0);
  EXPECT_EQ(f.executor.load(f.id).queued, 0u);
  EXPECT_EQ(f.executor.load(f.id).computing, 0u);
}

// Everything at once: two models with batches and yields, all classes, clients that leave.
TEST(Executor, AnswersRefusesOrGivesBackEveryJobOnce) {
  TwoModels f({.takes = std::chrono::microseconds(1500), .rows_max = 4, .yields = true}, 1'500'000,
              {.takes = std::chrono::microseconds(300), .rows_max = 4, .yields = true}, 300'000);
  std::atomic<int> answered{0}, told{0}, refused{0}, back{0}, unasked{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      WaitedJob waited;
      for (int i = 0; i < 150; ++i) {
        const auto c = static_cast<request::Class>(1 + random() % 3);
        const int64_t now = platform::now_ns(), within_ns = static_cast<int64_t>(random() % 20'000'000);
        waited.values[0] = static_cast<float>(i);
        waited.job.clock.start(now);
        waited.job.terms = {c, c == request::Class::kBulk ? request::kNoDeadline : now + within_ns};
        const auto submitted = f.executor.submit(random() % 3 == 0 ? f.id : f.other, waited.job);
        if (!submitted.ok()) {
          ++refused;
          continue;
        }
        if (*submitted == Executor::Submitted::kPending) {
          if (random() % 4 == 0 && f.executor.withdraw(waited.job)) {
            ++back;
            unasked += waited.finished.try_acquire();
            continue;
          }
          waited.finished.acquire();
        }
        if (waited.job.error) ++told;
        else answered += static_cast<const float*>(waited.job.reply.outputs[0].data)[0] == static_cast<float>(i);
        unasked += waited.finished.try_acquire();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(answered + told + refused + back, 6 * 150);
  EXPECT_EQ(unasked, 0);
  for (const auto* count : {&answered, &told, &refused, &back}) EXPECT_GT(*count, 0);
  for (const auto id : {f.id, f.other}) {
    EXPECT_EQ(f.executor.load(id).queued, 0u);
    EXPECT_EQ(f.executor.load(id).computing, 0u);
  }
}

}  // namespace
}  // namespace tercel::serve
