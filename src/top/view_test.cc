#include "top/view.h"

#include <gtest/gtest.h>

#include <limits>

namespace tercel::top {
namespace {

VersionReading version(std::string name, double ok) {
  VersionReading v;
  v.model = std::move(name);
  v.version = "1";
  v.is_ready = true;
  v.outcomes = {{"ok", ok}, {"late", 1}, {"rejected_admission", 0}};
  v.duration = {{0.001, 0.002, std::numeric_limits<double>::infinity()}, {ok, ok + 1, ok + 1}};
  v.met = v.slacks = ok;
  v.missed = v.latenesses = 1;
  v.slack_s = ok * 0.01;
  v.lateness_s = 0.005;
  return v;
}

Reading reading(int64_t at_ns, std::vector<VersionReading> versions) {
  Reading made;
  made.at_ns = at_ns;
  made.cpu_s = static_cast<double>(at_ns) * 0.5e-9;
  made.versions = std::move(versions);
  return made;
}

constexpr int64_t kSecond = 1'000'000'000;

TEST(View, IsWhatHappenedInBetween) {
  auto later = version("a", 300);
  later.outcomes["late"] = 5;
  later.outcomes["rejected_admission"] = 8;
  later.outcomes["deadline_missed"] = 4;  // not there before
  later.outcomes["rejected_overload"] = 2;
  later.outcomes["error"] = later.outcomes["unavailable"] = 2;
  later.outcomes["invalid"] = 6;
  later.missed = later.latenesses = 9;
  later.lateness_s = 0.085;
  later.duration.counts = {300, 304, 305};
  later.queued = 3;
  const View view = make_view(reading(kSecond, {version("a", 100)}), reading(3 * kSecond, {later}));
  EXPECT_DOUBLE_EQ(view.interval_s, 2);
  EXPECT_DOUBLE_EQ(view.cpus, 0.5);
  ASSERT_EQ(view.rows.size(), 1u);
  const Row& row = view.rows[0];
  EXPECT_DOUBLE_EQ(row.in_time, 100);
  EXPECT_DOUBLE_EQ(row.late, 2);
  EXPECT_DOUBLE_EQ(row.missed, 2);
  EXPECT_DOUBLE_EQ(row.refused_admission, 4);
  EXPECT_DOUBLE_EQ(row.refused_overload, 1);
  EXPECT_DOUBLE_EQ(row.refused(), 5);
  EXPECT_DOUBLE_EQ(row.failed, 2);
  EXPECT_DOUBLE_EQ(row.invalid, 3);
  EXPECT_DOUBLE_EQ(row.requests, 114);
  EXPECT_DOUBLE_EQ(view.requests, 114);
  EXPECT_DOUBLE_EQ(view.in_time, 100);
  EXPECT_DOUBLE_EQ(*row.attainment, 200.0 / 208);
  EXPECT_NEAR(*row.mean_slack_s, (2.0 - 0.08) / 208, 1e-12);
  EXPECT_DOUBLE_EQ(row.queued, 3);
  // 204 answers in between: 200 within 1 ms, 3 within 2 ms, one beyond.
  EXPECT_NEAR(*row.p50_s, 0.001 * 102 / 200, 1e-12);
  EXPECT_NEAR(*row.p99_s, 0.001 + 0.001 * (0.99 * 204 - 200) / 3, 1e-12);
}

TEST(View, NothingIsKnownOfWhatDidNotHappen) {
  const View view = make_view(reading(0, {version("a", 100)}), reading(kSecond, {version("a", 100)}));
  const Row& row = view.rows[0];
  EXPECT_EQ(row.requests, 0);
  EXPECT_FALSE(row.attainment || row.p50_s || row.p99_s || row.mean_slack_s);
  EXPECT_EQ(make_view(reading(7, {}), reading(7, {version("a", 0)})).rows.size(), 1u);  // no time at all
}

TEST(View, CountersThatWentDownBeganAnew) {
  const View view = make_view(reading(0, {version("a", 100)}), reading(kSecond, {version("a", 20), version("b", 7)}));
  ASSERT_EQ(view.rows.size(), 2u);
  EXPECT_DOUBLE_EQ(view.rows[0].in_time, 20);
  EXPECT_NEAR(*view.rows[0].p50_s, 0.001 * 10.5 / 20, 1e-12);
  EXPECT_DOUBLE_EQ(view.rows[1].in_time, 7);  // loaded in between
  EXPECT_TRUE(view.rows[1].p99_s);
}

TEST(View, ABucketThatLagsBehindDoesNotCountBackwards) {
  auto earlier = version("a", 100), later = version("a", 100);
  earlier.duration.counts = {100, 100, 100};
  later.duration.counts = {140, 130, 150};
  const View view = make_view(reading(0, {earlier}), reading(kSecond, {later}));
  EXPECT_DOUBLE_EQ(*view.rows[0].p50_s, 0.001 * 25 / 40);
}

TEST(View, RowsAreOrdered) {
  std::vector<Row> rows(3);
  for (size_t i = 0; i < 3; ++i) rows[i].model = std::string(1, static_cast<char>('a' + i));
  rows[1].requests = 9;
  rows[2].requests = 5;
  rows[0].p99_s = 0.5;
  rows[2].p99_s = 0.7;
  rows[0].attainment = 1;
  rows[1].attainment = 0.2;
  rows[2].queued = 4;
  struct Case {
    Order order;
    const char* first_to_last;
  };
  for (const Case& c : {Case{Order::kRequests, "bca"}, Case{Order::kP99, "cab"}, Case{Order::kAttainment, "bac"},
                        Case{Order::kQueue, "cab"}, Case{Order::kName, "abc"}}) {
    auto sorted = rows;
    sort_rows(sorted, c.order);
    EXPECT_EQ(sorted[0].model + sorted[1].model + sorted[2].model, c.first_to_last) << order_name(c.order);
  }
}

}  // namespace
}  // namespace tercel::top
