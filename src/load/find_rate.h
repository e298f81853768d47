#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "load/report.h"

namespace tercel::load {

inline constexpr size_t kTrialsMax = 60;                              // of one search
inline constexpr int64_t kTrialNsMax = int64_t{120} * 1'000'000'000;  // of one trial

// What must hold at a rate, for every client that has one. Both kinds are a share of good requests: "p99=10ms" says that
// 99 % of all requests, refused ones among them, are answered within 10 ms.
struct Target {
  double share = 0;
  int64_t within_ns = 0;  // 0: the client's deadline
  std::string text;       // as the user wrote it
};

// "p99=10ms", "p99.9=20ms" or "attainment=99.9%".
Result<Target> parse_target(std::string_view text);

// How many requests of a client in a report were good.
struct Tally {
  uint64_t good = 0, requests = 0;
};
Tally tally_of(const ClientReport& client, const Target& target);

// One rate, tried for a while.
struct Trial {
  double rate = 0;
  std::vector<Tally> tallies;  // a client each
  bool generator_limited = false;

  Tally worst() const;  // the lowest share
};

enum class Verdict : uint8_t { kKept, kBroken, kOpen };
// By the 95 % interval of each client's share: all above the target's; one below; else open.
Verdict verdict_of(const std::vector<Tally>& tallies, double share);

struct SearchOptions {
  double first_rate = 0;
  double precision = 0.05;  // the search ends when the broken rate is at most so much above the kept one
  int64_t duration_ns = 0;  // of a trial, at least
};

struct TriedRate {
  Trial trial;  // all rounds together
  int rounds = 0;
  bool kept = false;
};

struct FoundRate {
  double kept = 0;                 // the highest rate that kept the promise; 0: none did
  double broken = 0;               // the lowest rate above it that broke it; 0: none did
  bool generator_limited = false;  // at the broken rate it was the generator that was late
  std::vector<TriedRate> tried;
};

// Doubles the rate while the promise is kept (or halves it until it is), then bisects. A trial lasts as long as it takes
// that the target's share could be told from a higher one; one that is open is repeated, up to four rounds, and a broken one
// is believed only when it breaks twice or breaks badly, because a machine has hiccups. `run_trial` applies a rate for a
// duration. `done` is told after each rate.
Result<FoundRate> find_rate(const Target& target, const SearchOptions& options,
                            const std::function<Result<Trial>(double rate, int64_t duration_ns)>& run_trial,
                            const std::function<void(const TriedRate&)>& done);

}  // namespace tercel::load
