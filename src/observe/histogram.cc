#include "observe/histogram.h"

namespace tercel::observe {
namespace {

constexpr int64_t kFirstNs = 50'000, kLastNs = 10'000'000'000;
constexpr double kFactor = 1.6;

constexpr std::array<int64_t, kBounds> make_bounds() {
  std::array<int64_t, kBounds> bounds{};
  double bound = kFirstNs;
  for (size_t i = 0; i + 1 < kBounds; ++i, bound *= kFactor) bounds[i] = static_cast<int64_t>(bound) / 1000 * 1000;
  bounds[kBounds - 1] = kLastNs;
  return bounds;
}

}  // namespace

constexpr std::array<int64_t, kBounds> kBoundsNs = make_bounds();
static_assert(make_bounds()[kBounds - 2] < kLastNs, "bounds rise");

void Histogram::record(int64_t duration_ns) {
  if (duration_ns < 0) duration_ns = 0;
  size_t bucket = 0;  // most durations are short: a linear walk from the smallest bound ends at once
  while (bucket < kBounds && duration_ns > kBoundsNs[bucket]) ++bucket;
  auto& shard = shards_[shard_of_thread()];
  shard.counts[bucket].fetch_add(1, std::memory_order_relaxed);
  shard.sum_ns.fetch_add(static_cast<uint64_t>(duration_ns), std::memory_order_relaxed);
}

Histogram::Reading Histogram::read() const {
  Reading reading;
  for (const auto& shard : shards_) {
    for (size_t i = 0; i <= kBounds; ++i) reading.counts[i] += shard.counts[i].load(std::memory_order_relaxed);
    reading.sum_ns += shard.sum_ns.load(std::memory_order_relaxed);
  }
  for (const auto count : reading.counts) reading.count += count;
  return reading;
}

}  // namespace tercel::observe
