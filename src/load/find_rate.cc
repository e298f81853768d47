#include "load/find_rate.h"

#include <algorithm>
#include <cmath>

#include "load/quantity.h"
#include "load/statistics.h"

namespace tercel::load {
namespace {

constexpr int kRoundsMax = 4;
constexpr double kBadlyMissed = 0.2;  // of the requests: no hiccup
constexpr double kLowestRate = 0.1;
// Requests in units of those after which not one miss would prove the share: room for a few.
constexpr double kRoom = 3;

double share_of(const Tally& tally) {
  return tally.requests == 0 ? 0 : static_cast<double>(tally.good) / static_cast<double>(tally.requests);
}

// Wilson's interval of n good requests out of n reaches above the share when n >= z^2 share / (1 - share).
int64_t trial_ns(const Target& target, const SearchOptions& options, double rate, size_t clients) {
  const double share = std::min(target.share, 0.99999);
  const double requests = kRoom * 3.8415 * share / (1 - share) * static_cast<double>(clients);
  const double ns = std::max(requests / rate * 1e9, static_cast<double>(options.duration_ns));
  return static_cast<int64_t>(std::min(ns, static_cast<double>(std::max(kTrialNsMax, options.duration_ns))));
}

void add(Trial& sum, const Trial& trial) {
  sum.rate = trial.rate;
  sum.generator_limited |= trial.generator_limited;
  sum.tallies.resize(std::max(sum.tallies.size(), trial.tallies.size()));
  for (size_t i = 0; i < trial.tallies.size(); ++i) {
    sum.tallies[i].good += trial.tallies[i].good;
    sum.tallies[i].requests += trial.tallies[i].requests;
  }
}

bool keeps_by_estimate(const Trial& trial, double share) {
  return !trial.tallies.empty() && std::all_of(trial.tallies.begin(), trial.tallies.end(),
                                               [&](const Tally& t) { return t.requests > 0 && share_of(t) >= share; });
}

class Search {
 public:
  using RunTrial = std::function<Result<Trial>(double, int64_t)>;

  Search(const Target& target, const SearchOptions& options, const RunTrial& run_trial)
      : target_(target), options_(options), run_trial_(run_trial) {}

  // Rounds of one rate until it is decided.
  Result<TriedRate> try_rate(double rate) const {
    TriedRate tried;
    int broken = 0;
    size_t clients = 1;
    while (tried.rounds < kRoundsMax) {
      const Trial trial = TRY(run_trial_(rate, trial_ns(target_, options_, rate, clients)));
      clients = std::max<size_t>(trial.tallies.size(), 1);
      add(tried.trial, trial);
      ++tried.rounds;
      const Verdict alone = verdict_of(trial.tallies, target_.share);
      broken += alone == Verdict::kBroken;
      const bool badly = share_of(trial.worst()) < target_.share - kBadlyMissed;
      if (badly || broken == 2) return tried;
      // A round that kept the promise by itself outweighs one hiccup; one without a hiccup is decided by all rounds.
      if (alone == Verdict::kKept || (broken == 0 && verdict_of(tried.trial.tallies, target_.share) == Verdict::kKept)) {
        tried.kept = true;
        return tried;
      }
    }
    tried.kept = broken == 0 && keeps_by_estimate(tried.trial, target_.share);
    return tried;
  }

 private:
  const Target& target_;
  const SearchOptions& options_;
  const RunTrial& run_trial_;
};

// The next rate to try, or 0 when the search is over.
double next_rate(const FoundRate& found, double precision) {
  if (found.broken == 0) return found.kept * 2 <= kRateMax ? found.kept * 2 : 0;
  if (found.kept == 0) return found.broken / 2 >= kLowestRate ? found.broken / 2 : 0;
  return found.broken / found.kept <= 1 + precision ? 0 : (found.kept + found.broken) / 2;
}

}  // namespace

Result<Target> parse_target(std::string_view text) {
  const Error wrong = invalid("target '" + std::string(text) + "' is not p99=10ms, p99.9=20ms or attainment=99.9%");
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) return wrong;
  const std::string_view name = text.substr(0, equals), value = text.substr(equals + 1);
  Target target;
  target.text = std::string(text);
  if (name == "attainment") {
    const auto share = parse_share(value);
    if (!share.ok() || *share >= 1) return wrong;
    target.share = *share;
    return target;
  }
  const auto percent = name.starts_with('p') ? parse_number(name.substr(1)) : Result<double>(wrong);
  const auto within = parse_duration(value);
  if (!percent.ok() || *percent <= 0 || *percent >= 100 || !within.ok() || *within == 0) return wrong;
  target.share = *percent / 100;
  target.within_ns = *within;
  return target;
}

Tally tally_of(const ClientReport& client, const Target& target) {
  if (target.within_ns == 0) return {client.count(Outcome::kInTime), client.requests};
  return {client.answered.count_at_most(target.within_ns), client.requests};
}

Tally Trial::worst() const {
  const auto lowest =
      std::min_element(tallies.begin(), tallies.end(), [](const Tally& a, const Tally& b) { return share_of(a) < share_of(b); });
  return lowest == tallies.end() ? Tally{} : *lowest;
}

Verdict verdict_of(const std::vector<Tally>& tallies, double share) {
  bool kept = !tallies.empty();
  for (const Tally& tally : tallies) {
    const ShareInterval interval = share_interval(tally.good, tally.requests);
    if (interval.high < share) return Verdict::kBroken;
    kept &= interval.low >= share;
  }
  return kept ? Verdict::kKept : Verdict::kOpen;
}

Result<FoundRate> find_rate(const Target& target, const SearchOptions& options,
                            const std::function<Result<Trial>(double rate, int64_t duration_ns)>& run_trial,
                            const std::function<void(const TriedRate&)>& done) {
  const Search search(target, options, run_trial);
  FoundRate found;
  double rate = std::clamp(options.first_rate, kLowestRate, kRateMax);
  while (rate > 0 && found.tried.size() < kTrialsMax) {
    TriedRate tried = TRY(search.try_rate(rate));
    if (tried.kept) {
      found.kept = rate;
    } else {
      found.broken = rate;
      found.generator_limited = tried.trial.generator_limited;
    }
    if (done) done(tried);
    found.tried.push_back(std::move(tried));
    rate = next_rate(found, options.precision);
  }
  return found;
}

}  // namespace tercel::load
