#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tercel::engine {

// A buffer that holds values from step `first` to step `last`, both included.
struct Lifetime {
  size_t bytes = 0;
  uint32_t first = 0, last = 0;
};

struct MemoryPlan {
  std::vector<size_t> offsets;  // one per lifetime, at kTensorAlignment
  size_t bytes = 0;             // of the whole arena
};

// Places buffers so that no two that live at the same step overlap. Large ones first, each into the smallest gap that
// fits: close to the peak of live bytes on real models. Above kExactLifetimesMax buffers, in order of time instead, which
// takes a little more memory and no quadratic time.
inline constexpr size_t kExactLifetimesMax = 8192;
MemoryPlan plan_memory(std::span<const Lifetime> lifetimes);

}  // namespace tercel::engine
