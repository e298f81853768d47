#include "serve/statistics.h"

#include <gtest/gtest.h>

namespace tercel::serve {
namespace {

TEST(Statistics, CountsOutcomesAndStages) {
  Statistics statistics;
  request::StageClock clock;
  clock.start(platform::now_ns() - 3'000'000);
  clock.mark(request::Stage::kCompute);
  statistics.record(Outcome::kOk, clock);
  statistics.record(Outcome::kInvalid, clock);
  statistics.record(Outcome::kRejectedOverload, clock);
  EXPECT_EQ(statistics.count(Outcome::kOk), 1u);
  EXPECT_EQ(statistics.failures(), 2u);
  EXPECT_GE(statistics.failure_ns(), 6'000'000u);
  EXPECT_EQ(statistics.duration().read().count, 1u);
  EXPECT_GE(statistics.stage(request::Stage::kCompute).read().sum_ns, 3'000'000u);
  EXPECT_EQ(statistics.stage(request::Stage::kParse).read().sum_ns, 0u);
  EXPECT_GT(statistics.last_request_ms(), 1'600'000'000'000);
}

TEST(Statistics, DeadlinesAreMetOrMissedWhenTheLastByteIsOut) {
  Statistics statistics;
  request::StageClock clock;
  clock.start(platform::now_ns());
  const int64_t now = clock.mark(request::Stage::kSend);
  using request::Class;
  statistics.record(Outcome::kOk, clock, {Class::kHard, now + 5'000'000});
  statistics.record(Outcome::kOk, clock, {Class::kHard, now - 1});  // in time when it was written, late on the wire
  statistics.record(Outcome::kLate, clock, {Class::kSoft, now - 7'000'000});
  statistics.record(Outcome::kDeadlineMissed, clock, {Class::kHard, now + 1'000'000});  // told before it would have been late
  statistics.record(Outcome::kRejectedOverload, clock, {Class::kHard, now + 1'000'000});
  statistics.record(Outcome::kOk, clock);
  EXPECT_EQ(statistics.deadlines(Class::kHard, true), 1u);
  EXPECT_EQ(statistics.deadlines(Class::kHard, false), 2u);
  EXPECT_EQ(statistics.deadlines(Class::kSoft, false), 1u);
  EXPECT_EQ(statistics.slack().read().count, 1u);
  EXPECT_EQ(statistics.slack().read().sum_ns, 5'000'000u);
  EXPECT_EQ(statistics.lateness().read().count, 3u);
  EXPECT_EQ(statistics.lateness().read().sum_ns, 7'000'001u);
}

TEST(Statistics, StagesCoverTheRequestWithoutAGap) {
  request::StageClock clock;
  clock.start(platform::now_ns());
  for (size_t i = 0; i < request::kStageCount; ++i) clock.mark(static_cast<request::Stage>(i));
  clock.mark(request::Stage::kReceive);
  int64_t sum = 0;
  for (size_t i = 0; i < request::kStageCount; ++i) sum += clock.spent_ns(static_cast<request::Stage>(i));
  EXPECT_EQ(sum, clock.last_ns() - clock.started_ns());
}

TEST(Statistics, ErrorsHaveOutcomes) {
  EXPECT_EQ(outcome_of(ErrorCode::kExhausted), Outcome::kRejectedOverload);
  EXPECT_EQ(outcome_of(ErrorCode::kLimit), Outcome::kInvalid);
  EXPECT_EQ(outcome_of(ErrorCode::kCancelled), Outcome::kDeadlineMissed);
  EXPECT_EQ(outcome_of(ErrorCode::kInternal), Outcome::kError);
}

}  // namespace
}  // namespace tercel::serve
