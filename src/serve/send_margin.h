#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace tercel::serve {

// How long answers lately took from the end of computing until they were sent: what of a deadline is kept for that. The 98th
// percentile, tracked by stochastic approximation (Robbins & Monro, 1951): each answer moves it up by 0.98 or down by 0.02 of a
// step. Any thread; two that record at once may lose one of both.
class SendMargin {
 public:
  void record(int64_t took_ns) {
    const int64_t now = ns_.load(std::memory_order_relaxed);
    const int64_t step = std::clamp<int64_t>(now / 2, kStepMinNs, kStepMaxNs);
    const int64_t moved = took_ns > now ? now + step - step / 50 : now - step / 50;
    ns_.store(std::clamp<int64_t>(moved, kLeastNs, kMostNs), std::memory_order_relaxed);
  }
  // For a request with so long to go. The network and the client's own waking are not seen from here: a little is added for them.
  int64_t of(int64_t allowed_ns) const {
    const int64_t margin = ns_.load(std::memory_order_relaxed) + kUnseenNs;
    return std::min(margin, std::max<int64_t>(allowed_ns, 0) / kShareMost);
  }

 private:
  static constexpr int64_t kLeastNs = 10'000, kMostNs = 2'000'000, kStepMinNs = 5'000, kStepMaxNs = 50'000;
  static constexpr int64_t kUnseenNs = 50'000;
  static constexpr int64_t kShareMost = 8;  // no more than an eighth of a deadline

  std::atomic<int64_t> ns_{100'000};
};

}  // namespace tercel::serve
