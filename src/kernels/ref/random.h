#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "kernels/kernel.h"

namespace tercel::kernels {

// Numbers by position: the i-th of a run depends on the run's key and i alone, so chunks may draw in any order.
struct RandomKey {
  uint64_t key = 0;
  uint64_t bits(uint64_t i) const;
  double uniform(uint64_t i) const { return static_cast<double>(bits(i) >> 11) * 0x1p-53; }  // in [0, 1)
  double normal(uint64_t i) const;                                                           // mean 0, deviation 1
};

// Hands out the key of each run of one bound step. With a `seed` attribute every run gets the same key and gives the same
// numbers; without one every run gets another, from a start that differs between binds.
class RandomSource {
 public:
  explicit RandomSource(const ops::Attributes& attributes);
  RandomKey next() const;

 private:
  bool seeded_ = false;
  uint64_t start_ = 0;
  std::shared_ptr<std::atomic<uint64_t>> runs_ = std::make_shared<std::atomic<uint64_t>>(0);
};

// random.cc; generator.cc lists the rows.
Result<Kernel> bind_random_uniform(const StepContext& c);
Result<Kernel> bind_random_normal(const StepContext& c);
Result<Kernel> bind_bernoulli(const StepContext& c);
Result<Kernel> bind_multinomial(const StepContext& c);

}  // namespace tercel::kernels
