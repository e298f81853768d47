#include "observe/prometheus.h"

#include <gtest/gtest.h>

#include "observe/process.h"

namespace tercel::observe {
namespace {

TEST(Prometheus, WritesFamiliesLabelsAndEscapes) {
  std::string text;
  PrometheusWriter writer(text);
  writer.family("tercel_requests_total", "counter", "Requests.");
  writer.sample({{"model", "a\"b\\c\nd"}, {"outcome", "ok"}}, uint64_t{7});
  writer.family("tercel_up", "gauge", "One.");
  writer.sample({}, 0.5);
  EXPECT_EQ(text,
            "# HELP tercel_requests_total Requests.\n# TYPE tercel_requests_total counter\n"
            "tercel_requests_total{model=\"a\\\"b\\\\c\\nd\",outcome=\"ok\"} 7\n"
            "# HELP tercel_up One.\n# TYPE tercel_up gauge\ntercel_up 0.5\n");
}

TEST(Prometheus, HistogramsAreCumulativeAndEndWithInf) {
  Histogram histogram;
  histogram.record(10'000);
  histogram.record(60'000);
  histogram.record(20'000'000'000);
  std::string text;
  PrometheusWriter writer(text);
  writer.family("t", "histogram", "T.");
  writer.histogram({{"stage", "parse"}}, histogram.read());
  EXPECT_NE(text.find("t_bucket{stage=\"parse\",le=\"5e-05\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("t_bucket{stage=\"parse\",le=\"8e-05\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("t_bucket{stage=\"parse\",le=\"10\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("t_bucket{stage=\"parse\",le=\"+Inf\"} 3\n"), std::string::npos) << text;
  EXPECT_NE(text.find("t_count{stage=\"parse\"} 3\n"), std::string::npos) << text;
  EXPECT_NE(text.find("t_sum{stage=\"parse\"} 20.00007\n"), std::string::npos) << text;
}

TEST(Process, TellsMemoryAndTime) {
  const auto usage = process_usage();
  EXPECT_GT(usage.resident_bytes, 100'000u);
  EXPECT_GT(usage.open_files, 2u);
  EXPECT_GE(usage.cpu_seconds, 0.0);
}

}  // namespace
}  // namespace tercel::observe
