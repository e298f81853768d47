#include "sched/deadline_scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "engine/allocation_counter.h"

namespace tercel::sched {
namespace {

using testing::HasSubstr;

constexpr TimeNs kMs = 1'000'000;

// A batch of n takes fixed + n x row, exactly.
VariantOptions variant(TimeNs fixed, TimeNs row, uint32_t rows_max, TimeNs step = 0, float accuracy = 0.9f) {
  VariantOptions v{.accuracy = accuracy, .longest_step_ns = step};
  for (const uint32_t rows : {1u, rows_max}) v.costs.push_back({1, rows, fixed + row * rows, fixed + row * rows});
  return v;
}

ModelOptions model(TimeNs fixed, TimeNs row, uint32_t rows_max, TimeNs step = 0) {
  return {.rows_max = rows_max, .variants = {variant(fixed, row, rows_max, step)}};
}

struct Fixture {
  explicit Fixture(uint32_t slots = 1, uint32_t queue_max = 64) : scheduler({.slots = slots, .queue_max = queue_max}) {}

  Admission admit(Class cls, TimeNs now, TimeNs deadline = kNever, uint32_t rows = 1, ModelId to = 0) {
    return scheduler.admit({.id = ++last_id, .model = to, .cls = cls, .arrival_ns = now, .deadline_ns = deadline, .rows = rows},
                           now);
  }
  // The one decision of this kind that comes next.
  Decision expect(Decision::Kind kind, TimeNs now) {
    const auto decision = scheduler.next(now);
    if (!decision || decision->kind != kind) {
      ADD_FAILURE() << "expected another decision at " << now;
      return {};
    }
    return *decision;
  }
  std::vector<RequestId> started(TimeNs now) {
    std::vector<RequestId> ids;
    const Decision d = expect(Decision::Kind::kStart, now);
    execution = d.execution;
    for (const Member& m : d.members) ids.push_back(m.request);
    return ids;
  }
  void nothing(TimeNs now) { EXPECT_FALSE(scheduler.next(now)) << "at " << now; }

  DeadlineScheduler scheduler;
  RequestId last_id = 0;
  ExecutionId execution = kNone;
};

using Ids = std::vector<RequestId>;

TEST(DeadlineScheduler, EarliestDeadlineFirstInOneBatch) {
  Fixture f;
  f.scheduler.add_model(model(kMs, kMs, 4)).take();
  f.admit(Class::kHard, 0, 100 * kMs);
  EXPECT_EQ(f.started(0), Ids({1}));
  f.admit(Class::kHard, 0, 90 * kMs);
  f.admit(Class::kHard, 0, 70 * kMs);
  f.admit(Class::kHard, 0, 80 * kMs);
  f.nothing(0);
  f.scheduler.completed(f.execution, 2 * kMs, 2 * kMs);
  EXPECT_EQ(f.started(2 * kMs), Ids({3, 4, 2}));
}

TEST(DeadlineScheduler, RefusesWhatCantFinishAndSaysWhenToRetry) {
  Fixture f;
  f.scheduler.add_model(model(kMs, kMs, 1)).take();
  EXPECT_EQ(f.admit(Class::kHard, 0, 1 * kMs).refusal, Refusal::kTooShort);
  EXPECT_EQ(f.admit(Class::kHard, 5, 5).refusal, Refusal::kPast);
  EXPECT_EQ(f.admit(Class::kHard, 0).refusal, Refusal::kNoDeadline);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(f.admit(Class::kHard, 0, 10 * kMs).ok()) << i;
  const Admission sixth = f.admit(Class::kHard, 0, 10 * kMs);
  ASSERT_EQ(sixth.refusal, Refusal::kOverload);
  EXPECT_EQ(sixth.retry_after_ns, 2 * kMs);
  EXPECT_TRUE(f.admit(Class::kHard, 0, 12 * kMs).ok());
}

TEST(DeadlineScheduler, AdmitsNobodyAtTheCostOfWhoWasAdmitted) {
  Fixture f;
  f.scheduler.add_model(model(kMs, kMs, 1)).take();
  for (int i = 1; i <= 5; ++i) ASSERT_TRUE(f.admit(Class::kHard, 0, 2 * i * kMs).ok()) << i;
  EXPECT_EQ(f.admit(Class::kHard, 0, 5 * kMs).refusal, Refusal::kOverload) << "it could make it, the last could not any more";
}

TEST(DeadlineScheduler, ExpiresByTimerBeforeTheDeadline) {
  Fixture f;
  f.scheduler.add_model(model(kMs, kMs, 1)).take();
  f.admit(Class::kHard, 0, 10 * kMs);
  f.started(0);
  f.admit(Class::kHard, 0, 10 * kMs);
  f.nothing(0);
  EXPECT_EQ(f.scheduler.wake_at(), 8 * kMs + 1) << "its latest start is the deadline less 2 ms";
  f.nothing(8 * kMs);
  const Decision d = f.expect(Decision::Kind::kExpire, 8 * kMs + 1);
  EXPECT_EQ(d.request, 2u);
  f.expect(Decision::Kind::kCancel, 10 * kMs + 1);
  f.scheduler.completed(f.execution, 0, 11 * kMs);
  EXPECT_EQ(f.scheduler.queued(), 0u);
  EXPECT_EQ(f.scheduler.wake_at(), kNever);
}

TEST(DeadlineScheduler, BatchesOnlyWhatKeepsTheFirstInTime) {
  Fixture f;
  f.scheduler.add_model(model(kMs, kMs, 8)).take();
  ASSERT_TRUE(f.admit(Class::kHard, 0, 10 * kMs).ok());
  for (int i = 0; i < 7; ++i) f.admit(Class::kSoft, 0, 100 * kMs);
  EXPECT_EQ(f.started(4 * kMs).size(), 4u) << "6 ms are left: 1 + 5 would be the end, but no batch may take half of 10 ms";
}

TEST(DeadlineScheduler, ClassesInOrderAndBulkWhenThereIsRoom) {
  Fixture f;
  for (int i = 0; i < 3; ++i) f.scheduler.add_model(model(kMs, kMs, 1)).take();
  f.admit(Class::kBulk, 0, kNever, 1, 0);
  f.admit(Class::kSoft, 0, 5 * kMs, 1, 1);
  f.admit(Class::kHard, 0, 50 * kMs, 1, 2);
  EXPECT_EQ(f.started(0), Ids({3}));
  f.scheduler.completed(f.execution, 2 * kMs, 2 * kMs);
  EXPECT_EQ(f.started(2 * kMs), Ids({2}));
  f.scheduler.completed(f.execution, 2 * kMs, 4 * kMs);
  EXPECT_EQ(f.started(4 * kMs), Ids({1}));
}

TEST(DeadlineScheduler, LeastSlackFirstAcrossModels) {
  Fixture f;
  f.scheduler.add_model(model(kMs, kMs, 1)).take();
  f.scheduler.add_model(model(10 * kMs, kMs, 1)).take();
  f.admit(Class::kHard, 0, 40 * kMs, 1, 0);
  f.admit(Class::kHard, 0, 45 * kMs, 1, 1);
  EXPECT_EQ(f.started(0), Ids({2})) << "a later deadline, but less slack";
}

TEST(DeadlineScheduler, LateSoftRequestsAreStillServed) {
  Fixture f;
  f.scheduler.add_model(model(kMs, kMs, 4)).take();
  f.admit(Class::kSoft, 0, 1 * kMs);
  f.admit(Class::kSoft, 0, 2 * kMs);
  EXPECT_EQ(f.started(50 * kMs), Ids({1, 2}));
}

TEST(DeadlineScheduler, AsksBulkToYieldAndGoesOnWithIt) {
  Fixture f;
  f.scheduler.add_model(model(100 * kMs, kMs, 1, kMs)).take();
  f.scheduler.add_model(model(kMs, kMs, 1)).take();
  f.admit(Class::kBulk, 0);
  f.started(0);
  const ExecutionId bulk = f.execution;
  const Admission hard = f.admit(Class::kHard, 10 * kMs, 14 * kMs, 1, 1);
  ASSERT_TRUE(hard.ok()) << "a step of 1 ms and 2 ms of its own fit into 4";
  EXPECT_EQ(f.expect(Decision::Kind::kPreempt, 10 * kMs).execution, bulk);
  f.nothing(10 * kMs);
  f.scheduler.yielded(bulk, 90 * kMs, 10'900'000);
  EXPECT_EQ(f.started(10'900'000), Ids({2}));
  f.admit(Class::kBulk, 11 * kMs);
  f.scheduler.completed(f.execution, 2 * kMs, 13 * kMs);
  const Decision again = f.expect(Decision::Kind::kStart, 13 * kMs);
  EXPECT_TRUE(again.resumed);
  EXPECT_EQ(again.execution, bulk) << "before the bulk request that came later";
}

TEST(DeadlineScheduler, DoesNotAskWhatIsAboutToEnd) {
  Fixture f;
  f.scheduler.add_model(model(9 * kMs, kMs, 1, 2 * kMs)).take();
  f.scheduler.add_model(model(kMs, kMs, 1)).take();
  f.admit(Class::kBulk, 0);
  f.started(0);
  f.admit(Class::kHard, 9 * kMs, 40 * kMs, 1, 1);
  f.nothing(9 * kMs);
  EXPECT_EQ(f.scheduler.wake_at(), 11 * kMs) << "to see whether it did";
  f.expect(Decision::Kind::kPreempt, 11 * kMs + 1);
}

TEST(DeadlineScheduler, CancelsForWhoWentAway) {
  Fixture f;
  f.scheduler.add_model(model(kMs, kMs, 2)).take();
  const Admission a = f.admit(Class::kSoft, 0, 10 * kMs);
  const Admission b = f.admit(Class::kSoft, 0, 10 * kMs);
  const Admission c = f.admit(Class::kSoft, 0, 10 * kMs);
  EXPECT_EQ(f.started(0), Ids({1, 2}));
  EXPECT_TRUE(f.scheduler.cancel(c.ticket, 1));
  EXPECT_FALSE(f.scheduler.cancel(c.ticket, 1)) << "forgotten already";
  EXPECT_EQ(f.scheduler.queued(), 0u);
  EXPECT_TRUE(f.scheduler.cancel(a.ticket, 2));
  f.nothing(2);
  EXPECT_TRUE(f.scheduler.cancel(b.ticket, 3));
  EXPECT_EQ(f.expect(Decision::Kind::kCancel, 3).execution, f.execution);
  f.nothing(4);
  f.scheduler.completed(f.execution, 0, 5);
  EXPECT_FALSE(f.scheduler.cancel(b.ticket, 6));
  EXPECT_FALSE(f.scheduler.cancel({}, 6));
}

TEST(DeadlineScheduler, OneRequestOnTwoSlotsOrTwoOnOneEach) {
  Fixture f(2);
  ModelOptions options{.rows_max = 4};
  options.variants.push_back(
      {.costs = {{1, 1, 10 * kMs, 10 * kMs}, {1, 4, 40 * kMs, 40 * kMs}, {2, 1, 6 * kMs, 6 * kMs}, {2, 4, 24 * kMs, 24 * kMs}}});
  f.scheduler.add_model(options).take();
  f.admit(Class::kSoft, 0, kMs * 1000);
  EXPECT_EQ(std::popcount(f.expect(Decision::Kind::kStart, 0).slots), 2) << "alone: 6 ms rather than 10";
  f.scheduler.completed(0, 6 * kMs, 6 * kMs);
  f.admit(Class::kSoft, 6 * kMs, kMs * 1000);
  f.admit(Class::kSoft, 6 * kMs, kMs * 1000);
  for (int i = 0; i < 2; ++i) {
    const Decision d = f.expect(Decision::Kind::kStart, 6 * kMs);
    EXPECT_EQ(std::popcount(d.slots), 1) << "two: 10 ms for both rather than 12";
    EXPECT_EQ(d.members.size(), 1u);
  }
}

TEST(DeadlineScheduler, MoreThreadsForADeadlineThatNeedsThem) {
  Fixture f(2);
  ModelOptions options{.rows_max = 1};
  options.variants.push_back({.costs = {{1, 1, 10 * kMs, 10 * kMs}, {2, 1, 6 * kMs, 6 * kMs}}});
  f.scheduler.add_model(options).take();
  f.scheduler.add_model(model(0, 3 * kMs, 1)).take();
  f.admit(Class::kHard, 0, 100 * kMs, 1, 1);
  EXPECT_EQ(f.started(0), Ids({1}));
  ASSERT_TRUE(f.admit(Class::kHard, 0, 9 * kMs).ok());
  f.admit(Class::kBulk, 0, kNever, 1, 1);
  f.nothing(0);
  f.scheduler.completed(f.execution, 3 * kMs, 3 * kMs);
  const Decision d = f.expect(Decision::Kind::kStart, 3 * kMs);
  EXPECT_EQ(d.members[0].request, 2u) << "the idle slot was kept for it";
  EXPECT_EQ(d.slots, 3u);
}

ModelOptions ladder(VariantPolicy policy) {
  return {.rows_max = 1, .policy = policy, .variants = {variant(0, 8 * kMs, 1), variant(0, 2 * kMs, 1, 0, 0.8f)}};
}

uint32_t variant_of(Fixture& f, TimeNs now) {
  const Decision d = f.expect(Decision::Kind::kStart, now);
  f.scheduler.completed(d.execution, 0, now);
  return d.variant;
}

TEST(DeadlineScheduler, DegradesInsteadOfRefusing) {
  Fixture f;
  f.scheduler.add_model(ladder(VariantPolicy::kDegrade)).take();
  ASSERT_TRUE(f.admit(Class::kHard, 0, 100 * kMs).ok());
  EXPECT_EQ(variant_of(f, 0), 0u) << "time enough";
  ASSERT_TRUE(f.admit(Class::kHard, 0, 5 * kMs).ok());
  EXPECT_EQ(variant_of(f, 0), 1u) << "8 ms are too long";
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(f.admit(Class::kHard, 0, 10 * kMs).ok()) << i;
  EXPECT_EQ(variant_of(f, 0), 1u) << "who waits behind would be late";
}

TEST(DeadlineScheduler, DegradesForSoftDeadlinesThatCanBeKept) {
  Fixture f;
  f.scheduler.add_model(ladder(VariantPolicy::kDegrade)).take();
  const auto answers = [&](TimeNs deadline) {
    EXPECT_TRUE(f.admit(Class::kSoft, 0, deadline).ok());
    return variant_of(f, 0);
  };
  EXPECT_EQ(answers(5 * kMs), 1u) << "8 ms are too long";
  EXPECT_EQ(answers(10 * kMs), 0u);
  EXPECT_EQ(answers(kNever), 0u);
  EXPECT_EQ(answers(kMs), 0u) << "nothing is in time: then it shall be accurate";
}

// Nobody is there who could be made late: what may arrive meanwhile is a guess, and no reason to answer less well.
TEST(DeadlineScheduler, WhoIsAloneGetsTheAccurateVariant) {
  Fixture f;
  f.scheduler.add_model(ladder(VariantPolicy::kDegrade)).take();
  for (TimeNs at = 0; at < 10'000 * kMs; at += 1000 * kMs) {
    ASSERT_TRUE(f.admit(Class::kHard, at, at + 9 * kMs).ok());
    EXPECT_EQ(variant_of(f, at), 0u) << at / kMs << " ms";
  }
}

TEST(DeadlineScheduler, ComesBackWhenTheBurstIsOver) {
  Fixture f;
  f.scheduler.add_model(ladder(VariantPolicy::kDegrade)).take();
  TimeNs now = 0;
  for (int i = 0; i < 50; ++i, now += 2 * kMs) {  // four times what the accurate one can do
    ASSERT_TRUE(f.admit(Class::kHard, now, now + 9 * kMs).ok());
    variant_of(f, now);
  }
  for (int i = 0; i < 20; ++i, now += 1000 * kMs) {
    ASSERT_TRUE(f.admit(Class::kHard, now, now + 9 * kMs).ok());
    const uint32_t by = variant_of(f, now);
    if (i >= 10) { EXPECT_EQ(by, 0u) << i; }
  }
}

TEST(DeadlineScheduler, TriesAVariantAgainWhoseLastRunsWereSlow) {
  Fixture f;
  f.scheduler.add_model(ladder(VariantPolicy::kDegrade)).take();
  TimeNs now = 0;
  // Which variant answers; `slower`: than it was measured.
  const auto answer = [&](TimeNs slower) {
    now += 100 * kMs;
    EXPECT_TRUE(f.admit(Class::kHard, now, now + 12 * kMs).ok());
    const Decision d = f.expect(Decision::Kind::kStart, now);
    const TimeNs took = slower * (d.variant == 0 ? 8 : 2) * kMs;
    f.scheduler.completed(d.execution, took, now + took);
    return d.variant;
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(answer(2), 0u) << i;
  for (int i = 0; i < 90; ++i) EXPECT_EQ(answer(1), 1u) << "three runs of 16 ms are not forgotten within 10 s, " << i;
  for (int i = 0; i < 200; ++i) answer(1);
  EXPECT_EQ(answer(1), 0u);
}

TEST(DeadlineScheduler, KeepsMinAccuracy) {
  Fixture f;
  f.scheduler.add_model(ladder(VariantPolicy::kCheapest)).take();
  const auto admit = [&](float accuracy, TimeNs deadline) {
    return f.scheduler.admit({.id = ++f.last_id, .arrival_ns = 0, .deadline_ns = deadline, .min_accuracy = accuracy}, 0);
  };
  EXPECT_EQ(admit(0.95f, 100 * kMs).refusal, Refusal::kAccuracy);
  EXPECT_EQ(admit(0.85f, 5 * kMs).refusal, Refusal::kTooShort);
  ASSERT_TRUE(admit(0.85f, 100 * kMs).ok());
  EXPECT_EQ(variant_of(f, 0), 0u);
  ASSERT_TRUE(admit(0, 100 * kMs).ok());
  EXPECT_EQ(variant_of(f, 0), 1u);
}

TEST(DeadlineScheduler, PolicyOffKeepsTheFirstVariant) {
  Fixture f;
  f.scheduler.add_model(ladder(VariantPolicy::kOff)).take();
  EXPECT_EQ(f.admit(Class::kHard, 0, 5 * kMs).refusal, Refusal::kTooShort);
  ASSERT_TRUE(f.admit(Class::kHard, 0, 50 * kMs).ok());
  EXPECT_EQ(variant_of(f, 0), 0u);
}

TEST(DeadlineScheduler, ReservesOnlyWhatFits) {
  Fixture f;
  f.scheduler.add_model(model(0, kMs, 8)).take();
  const auto stream = f.scheduler.reserve({.model = 0, .period_ns = 5 * kMs, .deadline_ns = 5 * kMs});
  ASSERT_TRUE(stream.ok());
  EXPECT_EQ(f.scheduler.allowance_ns(0), 3'900'000) << "5 ms less 1 ms and a tenth";
  const auto refused = f.scheduler.reserve({.model = 0, .period_ns = 5 * kMs, .deadline_ns = 2 * kMs});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kExhausted);
  EXPECT_THAT(refused.error().message(), HasSubstr("in an interval of 2000 us"));
  EXPECT_THAT(refused.error().message(), HasSubstr("us too much"));
  EXPECT_FALSE(f.scheduler.reserve({.model = 0, .period_ns = 0, .deadline_ns = kMs}).ok());
  EXPECT_FALSE(f.scheduler.reserve({.model = 7, .period_ns = kMs, .deadline_ns = kMs}).ok());
  EXPECT_FALSE(f.scheduler.reserve({.model = 0, .period_ns = kMs, .deadline_ns = kMs, .jitter_ns = kMs}).ok());
  EXPECT_EQ(f.scheduler.remove_model(0).error().code(), ErrorCode::kUnavailable);
  f.scheduler.release(*stream);
  EXPECT_EQ(f.scheduler.allowance_ns(0), kNever);
  EXPECT_TRUE(f.scheduler.remove_model(0).ok());
}

TEST(DeadlineScheduler, StreamsAreNeverBlockedLonger) {
  Fixture f;
  f.scheduler.add_model(model(0, kMs, 8)).take();
  f.scheduler.reserve({.model = 0, .period_ns = 5 * kMs, .deadline_ns = 5 * kMs}).take();
  for (int i = 0; i < 8; ++i) f.admit(Class::kBulk, 0);
  EXPECT_EQ(f.started(0).size(), 3u) << "3.9 ms of blocking are allowed";
  EXPECT_EQ(f.admit(Class::kHard, 0, 100 * kMs, 8).refusal, Refusal::kBlocking);
  const auto long_model = f.scheduler.add_model(model(0, 4 * kMs, 1));
  ASSERT_FALSE(long_model.ok());
  EXPECT_THAT(long_model.error().message(), HasSubstr("block the reserved streams"));
  EXPECT_TRUE(f.scheduler.add_model(model(0, 400 * kMs, 1, kMs)).ok()) << "this one yields after each millisecond";
}

TEST(DeadlineScheduler, PolicesStreams) {
  Fixture f;
  f.scheduler.add_model(model(0, kMs, 1)).take();
  const StreamId stream = f.scheduler.reserve({.model = 0, .period_ns = 5 * kMs, .deadline_ns = 5 * kMs}).take();
  const auto admit = [&](TimeNs now, StreamId of, TimeNs within) {
    return f.scheduler.admit(
        {.id = ++f.last_id, .cls = Class::kGuaranteed, .arrival_ns = now, .deadline_ns = now + within, .stream = of}, now);
  };
  EXPECT_EQ(admit(0, stream, 5 * kMs).cls, Class::kGuaranteed);
  EXPECT_EQ(admit(kMs, stream, 5 * kMs).cls, Class::kHard) << "faster than its period: it competes like others";
  EXPECT_EQ(admit(5 * kMs, stream, 4 * kMs).cls, Class::kHard) << "less time than reserved";
  EXPECT_EQ(admit(5 * kMs, stream, 5 * kMs).cls, Class::kGuaranteed);
  EXPECT_EQ(admit(5 * kMs, 9, 5 * kMs).refusal, Refusal::kStream);
}

TEST(DeadlineScheduler, LessUrgentWorkDoesNotFillTheQueue) {
  Fixture f(1, 8);
  f.scheduler.add_model(model(0, 1000, 1)).take();
  for (int i = 0; i < 8; ++i) EXPECT_EQ(f.admit(Class::kBulk, 0).ok(), i < 4) << i;
  for (int i = 0; i < 4; ++i) EXPECT_EQ(f.admit(Class::kSoft, 0, kMs).ok(), i < 2) << i;
  for (int i = 0; i < 4; ++i) EXPECT_EQ(f.admit(Class::kHard, 0, kMs).ok(), i < 2) << i;
}

TEST(DeadlineScheduler, RefusesImpossibleLaddersAndModels) {
  Fixture f;
  ModelOptions rising = ladder(VariantPolicy::kOff);
  std::swap(rising.variants[0], rising.variants[1]);
  EXPECT_FALSE(f.scheduler.add_model(rising).ok()) << "more accurate below";
  ModelOptions slower{.variants = {variant(0, kMs, 1), variant(0, 2 * kMs, 1, 0, 0.5f)}};
  EXPECT_FALSE(f.scheduler.add_model(slower).ok()) << "less accurate and slower";
  EXPECT_FALSE(f.scheduler.add_model({}).ok()) << "no variant";
  EXPECT_FALSE(f.scheduler.add_model(model(0, kMs, 1, -1)).ok());
  EXPECT_EQ(f.admit(Class::kHard, 0, kMs).refusal, Refusal::kUnknownModel);
  f.scheduler.add_model(model(0, kMs, 4)).take();
  EXPECT_EQ(f.admit(Class::kBulk, 0, kNever, 0).refusal, Refusal::kRows);
  EXPECT_EQ(f.admit(Class::kBulk, 0, kNever, 5).refusal, Refusal::kRows);
  EXPECT_NE(std::string(refusal_text(Refusal::kRows)), "");
}

// Every kind of event, thousands of times, after construction.
TEST(DeadlineScheduler, AllocatesNothingAfterItWasBuilt) {
  Fixture f(2, 256);
  f.scheduler.add_model(model(100'000, 100'000, 8, 50'000)).take();
  f.scheduler.add_model(ladder(VariantPolicy::kDegrade)).take();
  const StreamId stream = f.scheduler.reserve({.model = 0, .period_ns = 20 * kMs, .deadline_ns = 20 * kMs}).take();
  const uint64_t before = engine::allocations();
  TimeNs now = 0;
  uint64_t x = 1, done = 0;
  std::array<ExecutionId, 16> running{};
  uint32_t count = 0;
  for (int i = 0; i < 20'000; ++i) {
    x = x * 6364136223846793005 + 1442695040888963407;
    const auto dice = static_cast<uint32_t>(x >> 40);
    now += dice % 100'000;
    const auto cls = static_cast<Class>(dice % 4);
    const Admission a = f.scheduler.admit({.id = static_cast<RequestId>(i),
                                           .model = cls == Class::kGuaranteed ? 0 : dice / 4 % 2,
                                           .cls = cls,
                                           .arrival_ns = now,
                                           .deadline_ns = now + 20 * kMs,
                                           .stream = stream},
                                          now);
    if (a.ok() && dice % 7 == 0) f.scheduler.cancel(a.ticket, now);
    if (count > 0 && dice % 3 == 0) {
      f.scheduler.completed(running[--count], 300'000, now);
      ++done;
    }
    while (const auto d = f.scheduler.next(now)) {
      if (d->kind == Decision::Kind::kStart) running[count++] = d->execution;
      if (d->kind == Decision::Kind::kPreempt) {
        f.scheduler.yielded(d->execution, 100'000, now);
        std::swap(*std::find(running.begin(), running.begin() + count, d->execution), running[count - 1]);
        --count;
      }
    }
    f.scheduler.wake_at();
  }
  EXPECT_EQ(engine::allocations(), before);
  EXPECT_GT(done, 1000u);
}

TEST(DeadlineScheduler, RequestsOfOtherShapesWaitForABatchOfTheirOwn) {
  Fixture f;
  f.scheduler.add_model(model(kMs, kMs, 8)).take();
  f.admit(Class::kSoft, 0, 100 * kMs);
  EXPECT_EQ(f.started(0), Ids({1}));
  for (const uint64_t shape : {7u, 7u, 9u, 7u}) {
    ++f.last_id;
    ASSERT_TRUE(f.scheduler.admit({.id = f.last_id, .cls = Class::kSoft, .deadline_ns = 100 * kMs, .shape = shape}, 0).ok());
  }
  f.scheduler.completed(f.execution, 2 * kMs, 2 * kMs);
  EXPECT_EQ(f.started(2 * kMs), Ids({2, 3})) << "nobody overtakes the one in between";
  f.scheduler.completed(f.execution, 3 * kMs, 5 * kMs);
  EXPECT_EQ(f.started(5 * kMs), Ids({4}));
  f.scheduler.completed(f.execution, 2 * kMs, 7 * kMs);
  EXPECT_EQ(f.started(7 * kMs), Ids({5}));
}

TEST(DeadlineScheduler, NoMoreExecutionsThanInstances) {
  Fixture f(3);
  ModelOptions two = model(kMs, kMs, 1);
  two.variants[0].instances = {2};
  f.scheduler.add_model(two).take();
  const ModelId other = f.scheduler.add_model(model(kMs, kMs, 1)).take();
  for (int i = 0; i < 3; ++i) f.admit(Class::kSoft, 0, 100 * kMs);
  EXPECT_EQ(f.started(0), Ids({1}));
  const ExecutionId first = f.execution;
  EXPECT_EQ(f.started(0), Ids({2}));
  f.nothing(0);
  f.admit(Class::kBulk, 0, kNever, 1, other);
  EXPECT_EQ(f.started(0), Ids({4})) << "the slot is not kept for who has no instance";
  f.scheduler.completed(first, 2 * kMs, 2 * kMs);
  EXPECT_EQ(f.started(2 * kMs), Ids({3}));
}

// A batch that has yielded keeps its instance, so who waits for one does not make anybody yield.
TEST(DeadlineScheduler, NobodyYieldsToWhoHasNoInstance) {
  Fixture f;
  ModelOptions one = model(20 * kMs, kMs, 1, kMs / 10);
  one.variants[0].instances = {1};
  f.scheduler.add_model(one).take();
  f.admit(Class::kBulk, 0);
  EXPECT_EQ(f.started(0), Ids({1}));
  f.admit(Class::kSoft, kMs, 100 * kMs);
  f.nothing(kMs);
  f.scheduler.completed(f.execution, 21 * kMs, 21 * kMs);
  EXPECT_EQ(f.started(21 * kMs), Ids({2}));
}

TEST(DeadlineScheduler, AdmissionCountsInstancesNotSlots) {
  Fixture f(4);
  ModelOptions one = model(0, 10 * kMs, 1);
  one.variants[0].instances = {1};
  f.scheduler.add_model(one).take();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(f.admit(Class::kHard, 0, 35 * kMs).ok()) << i;
  EXPECT_EQ(f.admit(Class::kHard, 0, 35 * kMs).refusal, Refusal::kOverload) << "three slots idle, but it would start after 30 ms";
}

TEST(DeadlineScheduler, StreamsKeepAnInstanceForThemselves) {
  Fixture f;
  ModelOptions two = model(0, kMs, 1, kMs / 10);
  two.variants[0].instances = {2};
  f.scheduler.add_model(two).take();
  const Reservation r{.model = 0, .period_ns = 10 * kMs, .deadline_ns = 10 * kMs};
  const auto stream = f.scheduler.reserve(r);
  ASSERT_TRUE(stream.ok()) << stream.error().message();
  f.admit(Class::kBulk, 0);
  EXPECT_EQ(f.started(0), Ids({1}));
  f.admit(Class::kHard, 0, 100 * kMs);
  f.nothing(0);  // the second instance is the stream's
  ASSERT_TRUE(f.scheduler.admit({.id = 9, .cls = Class::kGuaranteed, .deadline_ns = 10 * kMs, .stream = *stream}, 0).ok());
  const Decision asked = f.expect(Decision::Kind::kPreempt, 0);
  f.scheduler.yielded(asked.execution, kMs / 2, kMs / 10);
  EXPECT_EQ(f.started(kMs / 10), Ids({9}));
}

TEST(DeadlineScheduler, AModelMayHaveAQueueOfItsOwn) {
  Fixture f;
  ModelOptions small = model(kMs, kMs, 1);
  small.queue_max = 3;
  f.scheduler.add_model(small).take();
  const ModelId other = f.scheduler.add_model(model(kMs, kMs, 1)).take();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(f.admit(Class::kSoft, 0, kMs * 1000).ok());
  EXPECT_EQ(f.admit(Class::kBulk, 0).refusal, Refusal::kQueueFull);
  EXPECT_TRUE(f.admit(Class::kHard, 0, kMs * 1000).ok()) << "a third more is for hard requests";
  EXPECT_EQ(f.admit(Class::kHard, 0, kMs * 1000).refusal, Refusal::kQueueFull);
  EXPECT_TRUE(f.admit(Class::kSoft, 0, kMs * 1000, 1, other).ok());
  EXPECT_EQ(f.scheduler.queued(0), 4u);
  EXPECT_EQ(f.started(0).size(), 1u);
  EXPECT_EQ(f.scheduler.queued(0) + f.scheduler.computing(0), 4u);
}

// Slow runs that are over must not have requests refused for ever.
TEST(DeadlineScheduler, FindsOutThatAModelIsNoLongerSlow) {
  Fixture f;
  f.scheduler.add_model(model(0, kMs, 1)).take();
  TimeNs now = 0;
  const auto run = [&](TimeNs takes) {
    const Admission a = f.admit(Class::kSoft, now, kNever);
    EXPECT_TRUE(a.ok());
    f.started(now);
    now += takes;
    f.scheduler.completed(f.execution, takes, now);
  };
  for (int i = 0; i < 5; ++i) run(20 * kMs);
  EXPECT_EQ(f.admit(Class::kHard, now, now + 10 * kMs).refusal, Refusal::kTooShort);
  for (int i = 0; i < 16; ++i) run(kMs);  // the median knows, the high quantile does not
  int refused = 0, served = 0;
  for (int i = 0; i < 2000; ++i, now += 10 * kMs) {
    if (!f.admit(Class::kHard, now, now + 10 * kMs).ok()) {
      ++refused;
      continue;
    }
    ++served;
    ASSERT_EQ(f.started(now).size(), 1u);
    f.scheduler.completed(f.execution, kMs, now + kMs);
  }
  EXPECT_GT(refused, 0);
  EXPECT_LT(refused, 200);
  EXPECT_GT(served, 1800);
}

}  // namespace
}  // namespace tercel::sched
