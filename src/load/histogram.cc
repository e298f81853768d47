#include "load/histogram.h"

#include <algorithm>

#include "base/result.h"

namespace tercel::load {

void LogHistogram::add(const LogHistogram& other) {
  check(other.bits_ == bits_, "histograms of one precision");
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

int64_t LogHistogram::lowest(size_t bucket) const {
  const size_t first = size_t{1} << bits_;
  if (bucket < 2 * first) return static_cast<int64_t>(bucket);
  const size_t shift = (bucket >> bits_) - 1;
  return static_cast<int64_t>((first + bucket % first) << shift);
}

int64_t LogHistogram::at_rank(uint64_t rank) const {
  check(rank >= 1 && rank <= count_, "a rank of the histogram");
  uint64_t seen = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= rank) return std::min(highest(i), max_);
  }
  return max_;
}

uint64_t LogHistogram::count_at_most(int64_t ns) const {
  if (ns >= max_) return count_;
  uint64_t seen = 0;
  for (size_t i = 0; i < counts_.size() && highest(i) <= ns; ++i) seen += counts_[i];
  return seen;
}

}  // namespace tercel::load
