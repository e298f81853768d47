#include "serve/flight_recorder.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace tercel::serve {
namespace {

constexpr int64_t kMinute = 60'000'000'000;

Flight flight(Outcome outcome, int64_t total_ns) {
  Flight f;
  f.outcome = outcome;
  f.total_ns = total_ns;
  f.model.set("m");
  return f;
}

TEST(FlightRecorder, KeepsTheLastMissedNewestFirst) {
  const auto recorder = std::make_unique<FlightRecorder>();
  EXPECT_TRUE(recorder->read(0).missed.empty());
  const int64_t count = FlightRecorder::kMissedKept + 10;
  for (int64_t i = 1; i <= count; ++i) recorder->record(flight(i % 2 ? Outcome::kLate : Outcome::kDeadlineMissed, i), 0);
  const auto missed = recorder->read(0).missed;
  ASSERT_EQ(missed.size(), FlightRecorder::kMissedKept);
  EXPECT_EQ(missed.front().total_ns, count);
  EXPECT_EQ(missed.back().total_ns, 11);
}

TEST(FlightRecorder, KeepsTheSlowestOfThisMinuteAndTheLast) {
  const auto recorder = std::make_unique<FlightRecorder>();
  for (int64_t i = 1; i <= 1000; ++i) {
    const int64_t total = i * 7919 % 1000 + 1;  // every number up to 1000 once
    if (recorder->wants(Outcome::kOk, total, 0)) recorder->record(flight(Outcome::kOk, total), 0);
  }
  const auto slowest = recorder->read(0).slowest;
  ASSERT_EQ(slowest.size(), FlightRecorder::kSlowestKept);
  for (size_t i = 0; i < slowest.size(); ++i) EXPECT_EQ(slowest[i].total_ns, 1000 - static_cast<int64_t>(i));
  EXPECT_FALSE(recorder->wants(Outcome::kOk, 1000 - FlightRecorder::kSlowestKept, 0));
  EXPECT_TRUE(recorder->wants(Outcome::kOk, 1, kMinute));  // a new minute begins with nothing
  recorder->record(flight(Outcome::kOk, 5000), kMinute);
  EXPECT_EQ(recorder->read(kMinute).slowest.front().total_ns, 5000);
  EXPECT_EQ(recorder->read(kMinute).slowest.size(), FlightRecorder::kSlowestKept);
  EXPECT_EQ(recorder->read(2 * kMinute).slowest.size(), 1u);
  EXPECT_TRUE(recorder->read(3 * kMinute).slowest.empty());
}

TEST(FlightRecorder, RefusalsAndMistakesAreNotKept) {
  const auto recorder = std::make_unique<FlightRecorder>();
  for (const Outcome outcome : {Outcome::kInvalid, Outcome::kRejectedOverload, Outcome::kUnavailable})
    EXPECT_FALSE(recorder->wants(outcome, kMinute, 0));
  for (const Outcome outcome : {Outcome::kLate, Outcome::kDeadlineMissed, Outcome::kError})
    EXPECT_TRUE(recorder->wants(outcome, 1, 0));
}

TEST(FlightRecorder, TextsAreCutToFit) {
  Flight f;
  f.reason.set(std::string(1000, 'x'));
  EXPECT_EQ(f.reason.view(), std::string(192, 'x'));
  f.reason.set("");
  EXPECT_EQ(f.reason.view(), "");
}

TEST(FlightRecorder, ManyThreadsMayRecordAndRead) {
  const auto recorder = std::make_unique<FlightRecorder>();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int64_t i = 0; i < 2000; ++i) {
        recorder->record(flight(i % 2 ? Outcome::kOk : Outcome::kLate, 1000 * t + i), i * kMinute / 100);
        if (i % 100 == 0) EXPECT_LE(recorder->read(i * kMinute / 100).missed.size(), FlightRecorder::kMissedKept);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(recorder->read(0).missed.size(), FlightRecorder::kMissedKept);
}

}  // namespace
}  // namespace tercel::serve
