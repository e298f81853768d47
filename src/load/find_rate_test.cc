#include "load/find_rate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace tercel::load {
namespace {

TEST(FindRate, Targets) {
  const Target p999 = parse_target("p99.9=20ms").take();
  EXPECT_DOUBLE_EQ(p999.share, 0.999);
  EXPECT_EQ(p999.within_ns, 20'000'000);
  const Target attainment = parse_target("attainment=99.9%").take();
  EXPECT_DOUBLE_EQ(attainment.share, 0.999);
  EXPECT_EQ(attainment.within_ns, 0);
  for (const char* text : {"", "p99", "p99=", "p99=0", "p100=1ms", "p0=1ms", "99=1ms", "px=1ms", "p99=10", "attainment=100%",
                           "attainment=x", "x=1ms"})
    EXPECT_FALSE(parse_target(text).ok()) << text;
}

TEST(FindRate, TalliesCountWhatIsGood) {
  ClientReport client;
  client.requests = 4;
  client.outcomes[static_cast<size_t>(Outcome::kInTime)] = 1;
  client.outcomes[static_cast<size_t>(Outcome::kLate)] = 2;
  client.outcomes[static_cast<size_t>(Outcome::kRefused)] = 1;
  for (const int64_t latency : {5'000'000, 9'000'000, 30'000'000}) client.answered.record(latency);
  EXPECT_EQ(tally_of(client, parse_target("p99=10ms").take()).good, 2u);
  EXPECT_EQ(tally_of(client, parse_target("attainment=99%").take()).good, 1u);
  EXPECT_EQ(tally_of(client, parse_target("p99=10ms").take()).requests, 4u);
}

TEST(FindRate, VerdictsWaitForEvidence) {
  EXPECT_EQ(verdict_of({{100, 100}}, 0.99), Verdict::kOpen);
  EXPECT_EQ(verdict_of({{1000, 1000}}, 0.99), Verdict::kKept);
  EXPECT_EQ(verdict_of({{950, 1000}}, 0.99), Verdict::kBroken);
  EXPECT_EQ(verdict_of({{1000, 1000}, {950, 1000}}, 0.99), Verdict::kBroken);
  EXPECT_EQ(verdict_of({{1000, 1000}, {50, 50}}, 0.99), Verdict::kOpen);
  EXPECT_EQ(verdict_of({}, 0.99), Verdict::kOpen);
}

// A server whose good share falls from almost all to nothing at its capacity, with hiccups in a share of the trials.
struct Pretended {
  double capacity, hiccups = 0;
  std::mt19937_64 random{9};
  double longest_s = 0;

  Result<Trial> operator()(double rate, int64_t duration_ns) {
    longest_s = std::max(longest_s, static_cast<double>(duration_ns) * 1e-9);
    Trial trial;
    trial.rate = rate;
    const auto requests = static_cast<uint64_t>(rate * static_cast<double>(duration_ns) * 1e-9);
    const bool hiccup = static_cast<double>(random() % 1000) < 1000 * hiccups;
    const double good = rate <= capacity ? (hiccup ? 0.95 : 0.9995) : 0.5 * capacity / rate;
    trial.tallies = {{std::binomial_distribution<uint64_t>(requests, good)(random), requests}};
    return trial;
  }
};

TEST(FindRate, FindsTheCapacityFromBelowAndAbove) {
  for (const double capacity : {3.0, 870.0, 34'000.0}) {
    for (const double first : {1.0, 100.0, 1e6}) {
      Pretended server{capacity};
      SearchOptions options;
      options.first_rate = first;
      options.duration_ns = 1'000'000'000;
      const auto found = find_rate(parse_target("p99=10ms").take(), options, std::ref(server), {});
      ASSERT_TRUE(found.ok());
      EXPECT_LE(found->kept, capacity);
      EXPECT_GT(found->broken, capacity);
      EXPECT_LE(found->broken / found->kept, 1.05);
    }
  }
}

TEST(FindRate, OneHiccupIsNotBelieved) {
  int right = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Pretended server{1000, 0.1, std::mt19937_64(seed)};
    SearchOptions options;
    options.first_rate = 100;
    options.duration_ns = 5'000'000'000;
    const auto found = find_rate(parse_target("p99=10ms").take(), options, std::ref(server), {});
    right += found->kept > 900 && found->broken > 1000;
  }
  EXPECT_GE(right, 45);
}

TEST(FindRate, TrialsLastAsLongAsTheQuantileNeeds) {
  Pretended server{100};
  SearchOptions options;
  options.first_rate = 50;
  options.duration_ns = 1'000'000'000;
  ASSERT_TRUE(find_rate(parse_target("p99=10ms").take(), options, std::ref(server), {}).ok());
  EXPECT_NEAR(server.longest_s, 3 * 380.3 / 50, 0.5);
}

TEST(FindRate, NothingIsKept) {
  Pretended server{0.01};
  SearchOptions options;
  options.first_rate = 8;
  const auto found = find_rate(parse_target("p99=10ms").take(), options, std::ref(server), {});
  EXPECT_EQ(found->kept, 0);
  EXPECT_LT(found->broken, 0.2);
}

TEST(FindRate, ErrorsEndTheSearch) {
  const auto failing = [](double, int64_t) -> Result<Trial> { return io_error("gone"); };
  EXPECT_EQ(find_rate(parse_target("p99=10ms").take(), {.first_rate = 8}, failing, {}).error().message(), "gone");
}

}  // namespace
}  // namespace tercel::load
