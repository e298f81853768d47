#include <gtest/gtest.h>

#include <cstdlib>

#include "sched/simulator_laws.h"

// Random machines under random load, every law after every event. A failing seed is printed; TERCEL_SIMULATOR_SEED=n runs it
// alone.
namespace tercel::sched::simulator {
namespace {

constexpr uint64_t kShards = 8, kSeedsPerShard = 2500;

class Shard : public testing::TestWithParam<uint64_t> {};

TEST_P(Shard, KeepsEveryLaw) {
  const char* const chosen = std::getenv("TERCEL_SIMULATOR_SEED");
  const uint64_t first = chosen ? std::strtoull(chosen, nullptr, 10) : 1 + GetParam() * kSeedsPerShard;
  const uint64_t count = chosen ? 1 : kSeedsPerShard;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const std::string broken = broken_law(random_scenario(seed));
    ASSERT_EQ(broken, "") << "seed " << seed << "; TERCEL_SIMULATOR_SEED=" << seed << " runs it alone";
  }
}

INSTANTIATE_TEST_SUITE_P(Simulator, Shard, testing::Range<uint64_t>(0, kShards));

TEST(Simulator, SameSeedSameRun) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Report reports[2];
    for (Report& report : reports) {
      const Scenario scenario = random_scenario(seed);
      std::vector<StreamId> streams;
      const auto scheduler = scheduler_of(scenario, streams);
      report = run(scenario, *policy_of(*scheduler), streams, nullptr);
    }
    EXPECT_EQ(reports[0].ended_ns, reports[1].ended_ns) << "seed " << seed;
    EXPECT_EQ(reports[0].executions, reports[1].executions) << "seed " << seed;
  }
}

}  // namespace
}  // namespace tercel::sched::simulator
