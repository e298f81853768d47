#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <numeric>
#include <random>

#include "platform/clock.h"
#include "serve/executor.h"
#include "serve/testing_models.h"

namespace tercel::serve {
namespace {

using std::chrono_literals::operator""s, std::chrono_literals::operator""ms;

constexpr size_t kJobs = 100'000;
constexpr uint32_t kRoom = 250'000;
constexpr int64_t kSecond = 1'000'000'000;
// Of 100,000 events. They take a tenth of a second; were each to walk the others, they would take minutes.
constexpr int64_t kPatienceNs = 20 * kSecond;

// A job that counts how often it was told, and notes nothing else.
struct CountedJob {
  CountedJob() {
    job.request.inputs = {{{DType::kFloat32, Shape{1, 4}}, values.data()}};
    job.request.outputs = {{0, true}};
    job.owner = this;
    job.done = [](Job& j) { ++static_cast<CountedJob*>(j.owner)->told; };
    job.clock.start(platform::now_ns());
  }
  std::array<float, 4> values{1, 2, 3, 4};
  std::atomic<int> told{0};
  Job job;
};

bool eventually(const std::function<bool()>& holds) {
  const int64_t end = platform::now_ns() + kPatienceNs;
  while (!holds()) {
    if (platform::now_ns() > end) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

// One thread, held by a job that takes 60 s unless nobody waits for it, and a fast model whose jobs have to queue behind it.
struct Crowd {
  Crowd() : slow_model(echo_model({.takes = 60s}, 1, 0)), fast_model(echo_model({.rows_max = 32}, 1, 1000)) {
    slow = executor.add(slow_model, {.queue_max = 4}).take();
    fast = executor.add(fast_model, {.queue_max = kRoom}).take();
    holder.job.terms = {request::Class::kHard, platform::now_ns() + 3600 * kSecond};
    check(executor.submit(slow, holder.job).ok(), "the first job");
  }
  ~Crowd() {
    let_go();
    check(eventually([&] { return executor.load(slow).computing == 0 && executor.load(fast).computing == 0; }), "all are done");
    executor.remove(slow);
    executor.remove(fast);
  }
  void let_go() { executor.withdraw(holder.job); }
  // The error of the refusal, or "".
  std::string submit(CountedJob& counted) {
    const auto submitted = executor.submit(fast, counted.job);
    return submitted.ok() ? "" : submitted.error().message();
  }

  registry::OpenedModel slow_model, fast_model;
  Executor executor{{.threads = 1, .queue_max = kRoom}};
  sched::ModelId slow = 0, fast = 0;
  CountedJob holder;
};

request::Terms any_class(size_t i) {
  const int64_t now = platform::now_ns();
  const auto within = static_cast<int64_t>((i * 7919) % 1000) * kSecond;  // deadlines in no order
  switch (i % 3) {
    case 0: return {request::Class::kHard, now + 1000 * kSecond + within};
    case 1: return {request::Class::kSoft, now + 1000 * kSecond + within};
    default: return {request::Class::kBulk, request::kNoDeadline};
  }
}

void report(const char* what, int64_t begun_ns, size_t events) {
  const int64_t took = platform::now_ns() - begun_ns;
  testing::Test::RecordProperty(what, std::to_string(took / static_cast<int64_t>(events)));
  EXPECT_LT(took, kPatienceNs) << what;
}

TEST(ExecutorLoad, AHundredThousandWaitAndLeaveOrAreServedOnce) {
  Crowd crowd;
  std::deque<CountedJob> jobs(kJobs);
  int64_t begun = platform::now_ns();
  for (size_t i = 0; i < kJobs; ++i) {
    jobs[i].job.terms = any_class(i);
    ASSERT_EQ(crowd.submit(jobs[i]), "") << i;
  }
  report("ns_to_submit", begun, kJobs);
  EXPECT_EQ(crowd.executor.load(crowd.fast).queued, kJobs);

  std::vector<size_t> order(kJobs);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::shuffle(order, std::mt19937(1));
  begun = platform::now_ns();
  for (size_t i = 0; i < kJobs / 2; ++i) ASSERT_TRUE(crowd.executor.withdraw(jobs[order[i]].job)) << i;
  report("ns_to_withdraw", begun, kJobs / 2);
  EXPECT_EQ(crowd.executor.load(crowd.fast).queued, kJobs / 2);

  begun = platform::now_ns();
  crowd.let_go();
  const auto is_told = [&](size_t i) { return jobs[i].told.load() > 0; };
  EXPECT_TRUE(eventually([&] { return std::all_of(order.begin() + kJobs / 2, order.end(), is_told); }));
  report("ns_to_serve", begun, kJobs / 2);
  for (size_t i = 0; i < kJobs; ++i) {
    const CountedJob& counted = jobs[order[i]];
    ASSERT_EQ(counted.told, i < kJobs / 2 ? 0 : 1) << i;
    if (i < kJobs / 2) continue;
    ASSERT_FALSE(counted.job.error) << i;
    ASSERT_EQ(static_cast<const float*>(counted.job.reply.outputs[0].data)[3], 4.0f) << i;
  }
  EXPECT_EQ(crowd.executor.load(crowd.fast).queued, 0u);
}

// All of them at once; whoever else needs the executor in between waits for milliseconds.
TEST(ExecutorLoad, AHundredThousandThatExpireTogetherAreToldOnce) {
  Crowd crowd;
  std::deque<CountedJob> jobs(kJobs);
  const int64_t deadline = platform::now_ns() + 3 * kSecond;
  size_t waiting = 0;
  for (auto& counted : jobs) {
    counted.job.terms = {request::Class::kHard, deadline};
    waiting += crowd.submit(counted).empty();
  }
  ASSERT_GT(waiting, kJobs / 2) << "the machine is too slow to have them all wait at once";
  int64_t longest = 0, at = platform::now_ns();
  const int64_t end = at + kPatienceNs;
  while (crowd.executor.load(crowd.fast).queued > 0 && at < end) {
    const int64_t now = platform::now_ns();
    longest = std::max(longest, now - at);
    at = now;
  }
  testing::Test::RecordProperty("longest_wait_us", std::to_string(longest / 1000));
  EXPECT_LT(longest, 2 * kSecond);
  size_t told = 0;
  EXPECT_TRUE(eventually([&] {
    told = static_cast<size_t>(std::ranges::count_if(jobs, [](const CountedJob& c) { return c.told.load() > 0; }));
    return told == waiting;
  })) << told
      << " of " << waiting;
  for (const auto& counted : jobs) {
    if (counted.told.load() == 0) continue;
    ASSERT_EQ(counted.told, 1);
    ASSERT_TRUE(counted.job.error);
    ASSERT_EQ(counted.job.error->code(), ErrorCode::kDeadline);
  }
}

TEST(ExecutorLoad, WhatIsMoreThanTheQueueHoldsIsRefusedAndLeavesNothing) {
  registry::OpenedModel model = echo_model({.takes = 60s}, 1, 0);
  Executor executor({.threads = 1, .queue_max = 64});
  const auto id = executor.add(model, {.queue_max = 1000}).take();  // more than the server has room for
  std::deque<CountedJob> jobs(1000);
  const request::Class classes[] = {request::Class::kBulk, request::Class::kSoft, request::Class::kHard};
  std::array<size_t, 3> taken{};
  for (size_t i = 0; i < jobs.size(); ++i) {
    const size_t c = i * 3 / jobs.size();  // bulk first: it may not fill what the more urgent need
    jobs[i].job.terms = {classes[c], c == 0 ? request::kNoDeadline : platform::now_ns() + 1000 * kSecond};
    const auto submitted = executor.submit(id, jobs[i].job);
    taken[c] += submitted.ok();
    if (submitted.ok()) continue;
    ASSERT_EQ(submitted.error().code(), ErrorCode::kExhausted);
    ASSERT_EQ(submitted.error().message(), "the queue is full; try again later");
  }
  EXPECT_EQ(taken, (std::array<size_t, 3>{32, 16, 16}));
  for (auto& counted : jobs) executor.withdraw(counted.job);
  EXPECT_TRUE(eventually([&] { return executor.load(id).computing == 0; }));
  EXPECT_EQ(executor.load(id).queued, 0u);
  executor.remove(id);
}

// A batch ends early only when nobody at all waits for it.
TEST(ExecutorLoad, ABatchIsCancelledWhenTheLastOfItsClientsIsGone) {
  registry::OpenedModel model = echo_model({.takes = 60s, .rows_max = 4}, 1, 0);
  registry::OpenedModel first = echo_model({.takes = 60s}, 1, 0);
  Executor executor({.threads = 1});
  const auto holding = executor.add(first, {}).take(), id = executor.add(model, {}).take();
  CountedJob holder;
  std::deque<CountedJob> jobs(3);
  ASSERT_TRUE(executor.submit(holding, holder.job).ok());
  for (auto& counted : jobs) ASSERT_TRUE(executor.submit(id, counted.job).ok());
  EXPECT_FALSE(executor.withdraw(holder.job));
  ASSERT_TRUE(eventually([&] { return executor.load(id).computing == 3; })) << "one batch of three";
  for (size_t i = 0; i < 2; ++i) EXPECT_FALSE(executor.withdraw(jobs[i].job));
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(executor.load(id).computing, 3u) << "one still waits";
  EXPECT_FALSE(executor.withdraw(jobs[2].job));
  EXPECT_TRUE(eventually([&] { return executor.load(id).computing == 0 && holder.told == 1; }));
  for (const auto& counted : jobs) EXPECT_TRUE(eventually([&] { return counted.told == 1; }));
  executor.remove(holding);
  executor.remove(id);
}

}  // namespace
}  // namespace tercel::serve
