#include "observe/trace/sampler.h"

#include <gtest/gtest.h>

#include <random>

namespace tercel::observe::trace {
namespace {

const Parent kSampled{{1, 2}, 3, true}, kNotSampled{{1, 2}, 3, false}, kNone;

TEST(Sampler, FollowsTheParentOrTheRoot) {
  struct Case {
    SamplerOptions options;
    bool root, sampled, not_sampled;
  };
  const Case cases[] = {
      {{1, true}, true, true, false},     // parentbased_always_on
      {{0, true}, false, true, false},    // parentbased_always_off
      {{1, false}, true, true, true},     // always_on
      {{0, false}, false, false, false},  // always_off
  };
  for (const Case& c : cases) {
    const Sampler sampler(c.options);
    for (const TraceId id : {TraceId{5, 0}, TraceId{5, ~uint64_t{0}}, TraceId{5, uint64_t{1} << 63}}) {
      EXPECT_EQ(sampler.wants(kNone, id), c.root);
      EXPECT_EQ(sampler.wants(kSampled, id), c.sampled);
      EXPECT_EQ(sampler.wants(kNotSampled, id), c.not_sampled);
    }
  }
}

TEST(Sampler, KeepsTheRatioAndTheSameTraces) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const Sampler tenth({0.1, false}), fifth({0.2, true}), half({0.5, false});
  int kept = 0;
  for (int i = 0; i < 100'000; ++i) {
    const TraceId id{random(), random()};
    kept += tenth.wants(kNone, id);
    EXPECT_TRUE(!tenth.wants(kNone, id) || fifth.wants(kNone, id));  // a larger ratio keeps these, too
  }
  EXPECT_NEAR(kept, 10'000, 700);  // seven deviations
  EXPECT_TRUE(half.wants(kNone, {0, 0x7fffffffffffffff}));
  EXPECT_FALSE(half.wants(kNone, {0, 0x8000000000000000}));
}

}  // namespace
}  // namespace tercel::observe::trace
