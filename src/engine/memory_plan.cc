#include "engine/memory_plan.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <queue>

#include "base/checked.h"
#include "tensor/tensor.h"

namespace tercel::engine {

namespace {

size_t padded(const Lifetime& lifetime) { return align_up(std::max<size_t>(lifetime.bytes, 1), kTensorAlignment); }

bool overlap(const Lifetime& a, const Lifetime& b) { return a.first <= b.last && b.first <= a.last; }

// Indices of `lifetimes`, largest first; equal sizes in order of time, so that plans are the same on every host.
std::vector<uint32_t> largest_first(std::span<const Lifetime> lifetimes) {
  std::vector<uint32_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });
  return order;
}

// The start of the smallest gap of at least `bytes` between `placed` ranges (by offset), or their end.
size_t best_gap(std::span<const std::pair<size_t, size_t>> placed, size_t bytes) {
  size_t end = 0, best = SIZE_MAX, best_bytes = SIZE_MAX;
  for (const auto& [start, stop] : placed) {
    if (start > end && start - end >= bytes && start - end < best_bytes) {
      best = end;
      best_bytes = start - end;
    }
    end = std::max(end, stop);
  }
  return best != SIZE_MAX ? best : end;
}

MemoryPlan plan_by_size(std::span<const Lifetime> lifetimes) {
  MemoryPlan plan;
  plan.offsets.resize(lifetimes.size());
  std::vector<uint32_t> by_offset;  // what is placed so far
  std::vector<std::pair<size_t, size_t>> in_the_way;
  for (uint32_t index : largest_first(lifetimes)) {
    in_the_way.clear();
    for (uint32_t other : by_offset)
      if (overlap(lifetimes[index], lifetimes[other]))
        in_the_way.emplace_back(plan.offsets[other], plan.offsets[other] + padded(lifetimes[other]));
    const size_t offset = best_gap(in_the_way, padded(lifetimes[index]));
    plan.offsets[index] = offset;
    plan.bytes = std::max(plan.bytes, offset + padded(lifetimes[index]));
    const auto place = std::upper_bound(by_offset.begin(), by_offset.end(), offset,
                                        [&](size_t o, uint32_t other) { return o < plan.offsets[other]; });
    by_offset.insert(place, index);
  }
  return plan;
}

// Free ranges by start, joined with their neighbours; the smallest that fits is taken.
class FreeRanges {
 public:
  size_t take(size_t bytes) {
    auto best = ranges_.end();
    for (auto it = ranges_.begin(); it != ranges_.end(); ++it)
      if (it->second >= bytes && (best == ranges_.end() || it->second < best->second)) best = it;
    if (best == ranges_.end()) return std::exchange(end_, end_ + bytes);
    const auto [start, size] = *best;
    ranges_.erase(best);
    if (size > bytes) ranges_.emplace(start + bytes, size - bytes);
    return start;
  }
  void give(size_t start, size_t bytes) {
    const auto next = ranges_.lower_bound(start);
    if (next != ranges_.begin()) {
      const auto before = std::prev(next);
      if (before->first + before->second == start) {
        start = before->first;
        bytes += before->second;
        ranges_.erase(before);
      }
    }
    if (next != ranges_.end() && start + bytes == next->first) {
      bytes += next->second;
      ranges_.erase(next);
    }
    ranges_.emplace(start, bytes);
  }
  size_t end() const { return end_; }

 private:
  std::map<size_t, size_t> ranges_;
  size_t end_ = 0;
};

MemoryPlan plan_by_time(std::span<const Lifetime> lifetimes) {
  MemoryPlan plan;
  plan.offsets.resize(lifetimes.size());
  std::vector<uint32_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return lifetimes[a].first < lifetimes[b].first; });
  using Death = std::pair<uint32_t, uint32_t>;  // last step, index
  std::priority_queue<Death, std::vector<Death>, std::greater<>> alive;
  FreeRanges free;
  for (uint32_t index : order) {
    for (; !alive.empty() && alive.top().first < lifetimes[index].first; alive.pop())
      free.give(plan.offsets[alive.top().second], padded(lifetimes[alive.top().second]));
    plan.offsets[index] = free.take(padded(lifetimes[index]));
    alive.emplace(lifetimes[index].last, index);
  }
  plan.bytes = free.end();
  return plan;
}

}  // namespace

MemoryPlan plan_memory(std::span<const Lifetime> lifetimes) {
  return lifetimes.size() <= kExactLifetimesMax ? plan_by_size(lifetimes) : plan_by_time(lifetimes);
}

}  // namespace tercel::engine
