#include "top/reading.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <sstream>

namespace tercel::top {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Reading, TakesWhatAServerWrites) {
  std::stringstream page;  // of a server that was asked
  page << std::ifstream(TERCEL_SOURCE_DIR "/fuzz/corpus/prometheus_text/tercel").rdbuf();
  const std::string text = page.str();
  const auto samples = parse_prometheus(text);
  ASSERT_TRUE(samples.ok()) << samples.error().message();
  const auto reading = make_reading(*samples, 5);
  ASSERT_TRUE(reading.ok()) << reading.error().message();
  EXPECT_EQ(reading->at_ns, 5);
  EXPECT_FALSE(reading->release.empty());
  EXPECT_TRUE(reading->is_ready);
  EXPECT_GT(reading->resident_bytes, 1e6);
  EXPECT_GT(reading->cpu_s, 0);
  EXPECT_GE(reading->connections, 1);
  ASSERT_EQ(reading->versions.size(), 1u);
  const VersionReading& v = reading->versions[0];
  EXPECT_EQ(v.model, "digits");
  EXPECT_EQ(v.version, "1");
  EXPECT_TRUE(v.is_ready);
  EXPECT_EQ(v.outcomes.size(), 8u);
  EXPECT_GT(v.outcomes.at("ok"), 1000);
  EXPECT_EQ(v.met + v.missed, v.slacks + v.latenesses);
  EXPECT_EQ(v.duration.bounds.size(), 28u);
  EXPECT_EQ(v.duration.bounds.back(), kInfinity);
  EXPECT_EQ(v.duration.counts.back(), v.outcomes.at("ok") + v.outcomes.at("late"));
}

TEST(Reading, OrdersVersionsAsNumbersAndAddsClasses) {
  const auto samples = parse_prometheus(
      "tercel_build_info{version=\"9\"} 1\n"
      "tercel_queue_depth{model=\"b\",version=\"10\"} 1\ntercel_queue_depth{model=\"b\",version=\"9\"} 2\n"
      "tercel_queue_depth{model=\"a\",version=\"1\"} NaN\n"
      "tercel_deadline_requests_total{model=\"a\",version=\"1\",class=\"hard\",met=\"true\"} 3\n"
      "tercel_deadline_requests_total{model=\"a\",version=\"1\",class=\"soft\",met=\"true\"} 4\n"
      "tercel_deadline_requests_total{model=\"a\",version=\"1\",class=\"soft\",met=\"false\"} 5\n"
      "tercel_a_metric_of_a_later_release{model=\"a\",version=\"1\"} 5\n");
  const auto reading = make_reading(*samples, 0).take();
  ASSERT_EQ(reading.versions.size(), 3u);
  EXPECT_EQ(reading.versions[0].model, "a");
  EXPECT_EQ(reading.versions[0].queued, 0);
  EXPECT_EQ(reading.versions[0].met, 7);
  EXPECT_EQ(reading.versions[0].missed, 5);
  EXPECT_EQ(reading.versions[1].version, "9");
  EXPECT_EQ(reading.versions[2].version, "10");
  EXPECT_FALSE(make_reading(*parse_prometheus("up 1\n"), 0).ok());
}

TEST(Reading, BucketsOutOfOrderAreLeftOut) {
  const auto samples = parse_prometheus(
      "tercel_build_info 1\n"
      "tercel_request_duration_seconds_bucket{model=\"m\",version=\"1\",le=\"0.2\"} 5\n"
      "tercel_request_duration_seconds_bucket{model=\"m\",version=\"1\",le=\"0.1\"} 7\n"
      "tercel_request_duration_seconds_bucket{model=\"m\",version=\"1\",le=\"x\"} 7\n"
      "tercel_request_duration_seconds_bucket{model=\"m\",version=\"1\"} 7\n"
      "tercel_request_duration_seconds_bucket{model=\"m\",version=\"1\",le=\"+Inf\"} 3\n");
  const Buckets buckets = make_reading(*samples, 0).take().versions[0].duration;
  EXPECT_EQ(buckets.bounds, (std::vector<double>{0.2, kInfinity}));
  EXPECT_EQ(buckets.counts, (std::vector<double>{5, 5}));
}

TEST(Quantile, LiesWithinItsBucket) {
  const Buckets buckets{{1, 2, 4, kInfinity}, {10, 10, 20, 20}};
  EXPECT_DOUBLE_EQ(*quantile(buckets, 0.25), 0.5);
  EXPECT_DOUBLE_EQ(*quantile(buckets, 0.5), 1);
  EXPECT_DOUBLE_EQ(*quantile(buckets, 0.75), 3);
  EXPECT_DOUBLE_EQ(*quantile(buckets, 1), 4);
  EXPECT_DOUBLE_EQ(*quantile(buckets, 0), 0);
  EXPECT_FALSE(quantile({}, 0.5));
  EXPECT_FALSE(quantile({{1, kInfinity}, {0, 0}}, 0.5));
  EXPECT_DOUBLE_EQ(*quantile({{1, kInfinity}, {1, 10}}, 0.99), 1);  // beyond what the buckets know
  EXPECT_FALSE(quantile({{kInfinity}, {10}}, 0.5));
}

}  // namespace
}  // namespace tercel::top
