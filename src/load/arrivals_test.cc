#include "load/arrivals.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace tercel::load {
namespace {

ArrivalOptions with(const std::string& text, double rate) {
  ArrivalOptions options = parse_arrivals(text).take();
  options.rate = rate;
  return options;
}

std::vector<int64_t> first(Arrivals arrivals, size_t count) {
  std::vector<int64_t> times;
  while (times.size() < count) times.push_back(*arrivals.next());
  return times;
}

// In numbers per `span`: mean and variance.
std::pair<double, double> counts(const std::vector<int64_t>& times, int64_t span) {
  std::vector<double> bins(static_cast<size_t>(times.back() / span));  // the last span is not whole
  for (const int64_t time : times)
    if (static_cast<size_t>(time / span) < bins.size()) ++bins[static_cast<size_t>(time / span)];
  double mean = 0, variance = 0;
  for (const double n : bins) mean += n / static_cast<double>(bins.size());
  for (const double n : bins) variance += (n - mean) * (n - mean) / static_cast<double>(bins.size() - 1);
  return {mean, variance};
}

TEST(Arrivals, PoissonGapsAreExponentialAndCountsArePoisson) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    constexpr size_t kCount = 100'000;
    const auto times = first(Arrivals(with("poisson", 1000), seed), kCount);
    double sum = 0, squares = 0, before = 0;
    for (const int64_t time : times) {
      const double gap = (static_cast<double>(time) - before) / 1e6;  // expected: 1, with a deviation of 1
      sum += gap;
      squares += gap * gap;
      before = static_cast<double>(time);
    }
    const double mean = sum / kCount, variance = squares / kCount - mean * mean;
    EXPECT_NEAR(mean, 1, 5 / std::sqrt(kCount));
    EXPECT_NEAR(variance, 1, 5 * std::sqrt(8.0 / kCount));      // of an exponential: (kurtosis 9 - 1) / n
    const auto [per_span, spread] = counts(times, 20'000'000);  // 20 expected in each of 5,000 spans
    EXPECT_NEAR(per_span, 20, 0.4);
    EXPECT_NEAR(spread / per_span, 1, 0.11);
  }
}

TEST(Arrivals, ConstantGapsDoNotDrift) {
  const auto times = first(Arrivals(with("constant", 3), 1), 3'000'001);
  EXPECT_EQ(times[0], 0);
  EXPECT_EQ(times[1], 333'333'333);
  EXPECT_EQ(times[3], 1'000'000'000);
  EXPECT_NEAR(static_cast<double>(times[3'000'000]), 1e15, 1);
}

TEST(Arrivals, BurstsAreSeparatedBySilenceAndKeepTheMeanRate) {
  const auto times = first(Arrivals(with("on-off:100ms/300ms", 500), 7), 50'000);
  for (const int64_t time : times) ASSERT_LT(time % 400'000'000, 100'000'000) << time;
  EXPECT_NEAR(static_cast<double>(times.back()) * 1e-9, 100, 3);
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
  const auto [mean, variance] = counts(times, 400'000'000);
  EXPECT_NEAR(variance / mean, 1, 0.4);  // Poisson within the bursts
}

TEST(Arrivals, TheSameSeedGivesTheSameSchedule) {
  for (const char* process : {"poisson", "on-off:1s/1s"}) {
    const auto a = first(Arrivals(with(process, 10), 42), 1000), b = first(Arrivals(with(process, 10), 42), 1000);
    EXPECT_EQ(a, b);
    EXPECT_NE(a, first(Arrivals(with(process, 10), 43), 1000));
  }
  // Fixed, so that a schedule of today is one of tomorrow and of another machine.
  EXPECT_EQ(first(Arrivals(with("poisson", 1000), 1), 3), (std::vector<int64_t>{143'727, 290'381, 890'430}));
}

TEST(Arrivals, TracesAreReplayedAndEnd) {
  const auto trace = parse_trace("# recorded\n0\n0.5  # half\n\n 0.5\r\n1e0\n", "t").take();
  EXPECT_EQ(trace, (std::vector<int64_t>{0, 500'000'000, 500'000'000, 1'000'000'000}));
  ArrivalOptions options;
  options.process = Process::kTrace;
  options.trace = std::make_shared<const std::vector<int64_t>>(trace);
  Arrivals arrivals(options, 1);
  for (const int64_t time : trace) EXPECT_EQ(arrivals.next(), time);
  EXPECT_EQ(arrivals.next(), std::nullopt);
  EXPECT_EQ(arrivals.next(), std::nullopt);
}

TEST(Arrivals, BadTracesAreRefusedWithTheirLine) {
  EXPECT_NE(parse_trace("0\n1\nx\n", "t.txt").error().message().find("t.txt line 3"), std::string::npos);
  EXPECT_NE(parse_trace("1\n0.5\n", "t").error().message().find("line 2: the time lies before"), std::string::npos);
  for (const char* text : {"", "# only\n", "-1\n", "nan\n", "inf\n", "1e300\n", "1 2\n", "1,2\n"})
    EXPECT_FALSE(parse_trace(text, "t").ok()) << text;
}

TEST(Arrivals, ProcessesAreParsed) {
  const auto bursts = parse_arrivals("on-off:10ms/2s").take();
  EXPECT_EQ(bursts.process, Process::kOnOff);
  EXPECT_EQ(bursts.on_ns, 10'000'000);
  EXPECT_EQ(bursts.off_ns, 2'000'000'000);
  EXPECT_EQ(parse_arrivals("constant").take().process, Process::kConstant);
  for (const char* text :
       {"", "Poisson", "on-off:", "on-off:1s", "on-off:0/1s", "on-off:1s/x", "trace:", "trace:/no/such/file", "uniform"})
    EXPECT_FALSE(parse_arrivals(text).ok()) << text;
  const auto path = std::filesystem::temp_directory_path() / "tercel_arrivals_test_trace";
  std::ofstream(path) << "0.25\n";
  EXPECT_EQ((*parse_arrivals("trace:" + path.string()).take().trace)[0], 250'000'000);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace tercel::load
