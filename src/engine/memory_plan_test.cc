#include "engine/memory_plan.h"

#include <gtest/gtest.h>

#include <random>

#include "tensor/tensor.h"

namespace tercel::engine {
namespace {

void expect_valid(std::span<const Lifetime> lifetimes, const MemoryPlan& plan) {
  ASSERT_EQ(plan.offsets.size(), lifetimes.size());
  for (size_t i = 0; i < lifetimes.size(); ++i) {
    EXPECT_EQ(plan.offsets[i] % kTensorAlignment, 0u);
    EXPECT_LE(plan.offsets[i] + lifetimes[i].bytes, plan.bytes);
    for (size_t j = 0; j < i; ++j) {
      const bool together = lifetimes[i].first <= lifetimes[j].last && lifetimes[j].first <= lifetimes[i].last;
      const bool apart =
          plan.offsets[i] + lifetimes[i].bytes <= plan.offsets[j] || plan.offsets[j] + lifetimes[j].bytes <= plan.offsets[i];
      ASSERT_TRUE(!together || apart) << i << " and " << j;
    }
  }
}

size_t peak_of_live_bytes(std::span<const Lifetime> lifetimes, uint32_t steps) {
  size_t peak = 0;
  for (uint32_t step = 0; step < steps; ++step) {
    size_t live = 0;
    for (const Lifetime& l : lifetimes)
      if (l.first <= step && step <= l.last) live += (l.bytes + 63) / 64 * 64;
    peak = std::max(peak, live);
  }
  return peak;
}

TEST(MemoryPlan, ReusesMemoryOfTheDead) {
  // A chain: each value lives until the next step has read it, so two buffers are enough.
  std::vector<Lifetime> chain;
  for (uint32_t i = 0; i < 50; ++i) chain.push_back({4096, i, i + 1});
  const MemoryPlan plan = plan_memory(chain);
  expect_valid(chain, plan);
  EXPECT_EQ(plan.bytes, 2 * 4096u);
  EXPECT_EQ(plan_memory({}).bytes, 0u);
}

TEST(MemoryPlan, NoTwoLiveBuffersOverlap) {
  const auto seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    const uint32_t steps = 1 + random() % 40;
    std::vector<Lifetime> lifetimes(random() % 120);
    for (Lifetime& l : lifetimes) {
      l.bytes = random() % 5 ? random() % 5000 : 0;
      l.first = random() % steps;
      l.last = l.first + random() % (steps - l.first);
    }
    const MemoryPlan plan = plan_memory(lifetimes);
    expect_valid(lifetimes, plan);
    EXPECT_LE(plan.bytes, 3 * peak_of_live_bytes(lifetimes, steps) + 64 * lifetimes.size());
  }
}

TEST(MemoryPlan, ManyBuffersTakeNoQuadraticTime) {
  std::vector<Lifetime> lifetimes(kExactLifetimesMax + 1);
  std::mt19937 random(7);
  for (uint32_t i = 0; i < lifetimes.size(); ++i)
    lifetimes[i] = {1 + random() % 3000, i, i + static_cast<uint32_t>(random() % 20)};
  const MemoryPlan plan = plan_memory(lifetimes);
  for (size_t i = 0; i < lifetimes.size(); ++i)
    for (size_t j = i + 1; j < lifetimes.size() && lifetimes[j].first <= lifetimes[i].last; ++j)
      ASSERT_TRUE(plan.offsets[i] + lifetimes[i].bytes <= plan.offsets[j] ||
                  plan.offsets[j] + lifetimes[j].bytes <= plan.offsets[i]);
  EXPECT_LT(plan.bytes, 4 * peak_of_live_bytes(lifetimes, static_cast<uint32_t>(lifetimes.size()) + 20));
}

}  // namespace
}  // namespace tercel::engine
