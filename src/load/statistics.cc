#include "load/statistics.h"

#include <algorithm>
#include <cmath>

namespace tercel::load {
namespace {

constexpr double kTail = 0.025;           // outside of a two-sided 95 % interval, on each side
constexpr double kZ = 1.959963984540054;  // the normal quantile of 1 - kTail
constexpr double kNegligible = 1e-18;

// P(X = k) of a binomial(n, q).
double probability(uint64_t n, double q, uint64_t k) {
  const auto total = static_cast<double>(n), hits = static_cast<double>(k);
  const double choose = std::lgamma(total + 1) - std::lgamma(hits + 1) - std::lgamma(total - hits + 1);
  return std::exp(choose + hits * std::log(q) + (total - hits) * std::log1p(-q));
}

double odds_down(uint64_t n, double q, uint64_t k) {  // P(k - 1) / P(k)
  return static_cast<double>(k) / static_cast<double>(n - k + 1) * (1 - q) / q;
}

// P(X <= k), summed downwards from k, which lies near the mean.
double cumulative(uint64_t n, double q, uint64_t k) {
  double sum = 0, p = probability(n, q, k);
  for (;; --k) {
    sum += p;
    if (k == 0 || p < kNegligible) return sum;
    p *= odds_down(n, q, k);
  }
}

}  // namespace

uint64_t quantile_rank(uint64_t n, double q) {
  // q n may lie a rounding error above a whole number.
  const double rank = std::ceil(q * static_cast<double>(n) - 1e-9);
  return std::clamp<uint64_t>(rank < 1 ? 1 : static_cast<uint64_t>(rank), 1, n);
}

RankInterval quantile_interval(uint64_t n, double q) {
  if (n == 0) return {0, 1};
  uint64_t k = std::min(static_cast<uint64_t>(q * static_cast<double>(n)), n);
  double p = probability(n, q, k), sum = cumulative(n, q, k);
  // low: the largest rank with P(X < low) <= kTail.
  uint64_t low = k;
  double below = sum - p, p_below = p;
  while (low > 0 && below > kTail) {
    p_below *= odds_down(n, q, low);
    below -= p_below;
    --low;
  }
  // high: the smallest rank with P(X < high) >= 1 - kTail.
  while (k < n && sum < 1 - kTail) {
    ++k;
    p /= odds_down(n, q, k);
    sum += p;
  }
  return {low, k + 1};
}

ShareInterval share_interval(uint64_t successes, uint64_t n) {
  if (n == 0) return {};
  const auto total = static_cast<double>(n);
  const double share = static_cast<double>(successes) / total, z2 = kZ * kZ;
  const double middle = (share + z2 / (2 * total)) / (1 + z2 / total);
  const double half = kZ / (1 + z2 / total) * std::sqrt(share * (1 - share) / total + z2 / (4 * total * total));
  return {std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

}  // namespace tercel::load
