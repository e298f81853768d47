#include "load/rate_trials.h"

#include <algorithm>

namespace tercel::load {
namespace {

constexpr int64_t kProbeNs = 1'000'000'000, kProbeWarmupNs = 300'000'000;
constexpr double kBusyShare = 0.9;   // of a CPU
constexpr int64_t kBehindShare = 4;  // the generator may take up one part in so many of the time that the target allows

int64_t allowed_ns(const ClientReport& client, const Target& target) {
  return target.within_ns > 0 ? target.within_ns : client.options.deadline_ns;
}

}  // namespace

Result<void> RateTrials::check() const {
  size_t open = 0;
  for (const PreparedClient& client : clients) {
    const ClientOptions& own = client.options;
    if (own.closed) continue;
    ++open;
    if (own.arrivals.process == Process::kTrace)
      return unsupported("client '" + own.name +
                         "' replays a trace, whose rate cannot be searched; use poisson, constant or on-off");
    if (target.within_ns == 0 && own.deadline_ns == 0)
      return invalid("attainment needs a deadline, and client '" + own.name + "' has none; give one with --deadline");
  }
  if (open == 0) return invalid("every client is closed, and only open ones have a rate to search");
  return {};
}

Result<double> RateTrials::probe() {
  std::vector<PreparedClient> probing = clients;
  for (PreparedClient& client : probing) {
    client.options.connections = client.options.closed ? client.options.connections : 1;
    client.options.closed = true;
  }
  LoadOptions brief = options;
  brief.duration_ns = kProbeNs;
  brief.warmup_ns = kProbeWarmupNs;
  const Report report = TRY(load::run(brief, endpoint, probing, control));
  if (report.interrupted) return Error(ErrorCode::kCancelled, "the search was ended before its first trial");
  double rate = 0;
  for (size_t i = 0; i < clients.size(); ++i) {
    const ClientReport& answered = report.clients[i];
    if (clients[i].options.closed) continue;
    if (answered.answers() == 0)
      return io_error("client '" + answered.options.name +
                      "' got no answer with one connection; try a run without --find-rate to see why");
    rate += rates_of(report, answered).achieved / 2;
  }
  return rate;
}

Result<Trial> RateTrials::run(double rate, int64_t duration_ns) {
  double sum = 0;
  for (const PreparedClient& client : clients)
    if (!client.options.closed) sum += client.options.arrivals.rate;
  std::vector<PreparedClient> scaled = clients;
  for (PreparedClient& client : scaled)
    if (!client.options.closed) client.options.arrivals.rate *= rate / sum;
  LoadOptions timed = options;
  timed.duration_ns = duration_ns;
  const Report report = TRY(load::run(timed, endpoint, scaled, control));
  if (report.interrupted) return Error(ErrorCode::kCancelled, "the search was ended; no rate is told");
  Trial trial;
  trial.rate = rate;
  trial.generator_limited = report.cpu_share > kBusyShare;
  for (const ClientReport& client : report.clients) {
    if (client.options.closed) continue;
    trial.tallies.push_back(tally_of(client, target));
    trial.generator_limited |= quantile(client.behind, 0.99).value > allowed_ns(client, target) / kBehindShare;
  }
  return trial;
}

}  // namespace tercel::load
