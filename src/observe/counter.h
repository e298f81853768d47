#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tercel::observe {

inline constexpr size_t kShards = 8;

// The shard of the calling thread: threads take turns, so up to kShards threads never share a cache line.
inline size_t shard_of_thread() {
  static std::atomic<size_t> next{0};
  thread_local const size_t shard = next.fetch_add(1, std::memory_order_relaxed) % kShards;
  return shard;
}

// Only goes up. add() from any thread; value() may miss additions that happen meanwhile.
class Counter {
 public:
  void add(uint64_t n = 1) { shards_[shard_of_thread()].count.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const {
    uint64_t sum = 0;
    for (const auto& shard : shards_) sum += shard.count.load(std::memory_order_relaxed);
    return sum;
  }

 private:
  struct alignas(64) Shard {
    std::atomic<uint64_t> count{0};
  };
  std::array<Shard, kShards> shards_;
};

}  // namespace tercel::observe
