#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "observe/counter.h"

namespace tercel::observe {

// Upper bounds in nanoseconds: 50 us, each 1.6 times the one before, the last 10 s. One more bucket holds the rest.
inline constexpr size_t kBounds = 27;
extern const std::array<int64_t, kBounds> kBoundsNs;

// Durations in buckets. record() from any thread, two uncontended atomics; read() sums the shards and may miss what is
// recorded meanwhile.
class Histogram {
 public:
  struct Reading {
    std::array<uint64_t, kBounds + 1> counts{};  // per bucket, not cumulative
    uint64_t count = 0;
    uint64_t sum_ns = 0;
  };

  void record(int64_t duration_ns);
  Reading read() const;

 private:
  struct alignas(64) Shard {
    std::array<std::atomic<uint64_t>, kBounds + 1> counts{};
    std::atomic<uint64_t> sum_ns{0};
  };
  std::array<Shard, kShards> shards_;
};

}  // namespace tercel::observe
