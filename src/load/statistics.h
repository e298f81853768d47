#pragma once

#include <cstdint>

namespace tercel::load {

// Ranks, 1 the smallest, between whose values the quantile lies. low 0: not bounded from below; high n + 1: nor from above.
struct RankInterval {
  uint64_t low = 0, high = 0;
};

// The smallest rank that at least a share `q` of n values is at or below (nearest rank). n > 0.
uint64_t quantile_rank(uint64_t n, double q);

// A 95 % confidence interval for the q-quantile of whatever n independent values were drawn from, by order statistics: the
// number of values below the quantile is binomial(n, q), so no shape of the distribution is assumed (Hahn and Meeker,
// Statistical Intervals, 1991, section 5.2; Le Boudec, Performance Evaluation, 2010, theorem 2.1). Latencies behind a queue
// are not independent of each other: under load the true interval is wider.
RankInterval quantile_interval(uint64_t n, double q);

struct ShareInterval {
  double low = 0, high = 1;
};

// A 95 % confidence interval for the chance behind `successes` out of n (Wilson's score interval, JASA 22, 1927).
ShareInterval share_interval(uint64_t successes, uint64_t n);

}  // namespace tercel::load
