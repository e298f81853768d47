#include <gtest/gtest.h>

#include "sched/faults.h"
#include "sched/simulator_laws.h"

// The laws against defects that are planted on purpose: each must be caught. This program compiles the scheduler's sources
// anew, with TERCEL_SCHED_FAULTS.
namespace tercel::sched {
namespace {

Fault planted_now = Fault::kNone;

}  // namespace

Fault planted_fault() { return planted_now; }
void plant(Fault fault) { planted_now = fault; }

namespace simulator {
namespace {

struct Defect {
  Fault fault;
  const char* name;
  const char* law;  // what the report must say of some seed
};

constexpr Defect kDefects[] = {
    {Fault::kStartLate, "starts late", "its own window|after its latest start"},
    {Fault::kIdleWithWork, "idles", "a slot idles while"},
    {Fault::kLastFirst, "last first", "not the earliest deadline first"},
    {Fault::kForgetPreempt, "never preempts", "never asked to yield"},
    {Fault::kLoseMember, "loses a member", "are never answered|not the earliest deadline first"},
    {Fault::kTrustStreams, "trusts streams", "a guaranteed request"},
    {Fault::kAdmitAll, "admits all", "admitted hard requests missed"},
    {Fault::kStarveBulk, "starves bulk", "a slot idles while"},
};

bool says(const std::string& report, std::string_view laws) {
  for (size_t from = 0; from <= laws.size();) {
    const size_t to = std::min(laws.find('|', from), laws.size());
    if (report.find(laws.substr(from, to - from)) != std::string::npos) return true;
    from = to + 1;
  }
  return false;
}

constexpr uint64_t kSeeds = 6000;

TEST(SimulatorFaults, WithoutADefectTheseSeedsPass) {
  plant(Fault::kNone);
  for (uint64_t seed = 1; seed <= 300; ++seed) ASSERT_EQ(broken_law(random_scenario(seed)), "") << "seed " << seed;
}

class Planted : public testing::TestWithParam<Defect> {};

TEST_P(Planted, IsCaughtByItsLaw) {
  plant(GetParam().fault);
  uint64_t first = 0, caught = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    if (!says(broken_law(random_scenario(seed)), GetParam().law)) continue;
    first = first == 0 ? seed : first;
    ++caught;
  }
  plant(Fault::kNone);
  EXPECT_GT(caught, 0u) << "the laws do not notice a scheduler that " << GetParam().name;
  RecordProperty("first_seed", std::to_string(first));
}

INSTANTIATE_TEST_SUITE_P(Defects, Planted, testing::ValuesIn(kDefects),
                         [](const auto& info) { return "kind" + std::to_string(static_cast<int>(info.param.fault)); });

}  // namespace
}  // namespace simulator
}  // namespace tercel::sched
