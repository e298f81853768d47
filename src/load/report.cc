#include "load/report.h"

#include <algorithm>
#include <cstdio>

#include "load/quantity.h"
#include "load/statistics.h"

namespace tercel::load {
namespace {

constexpr double kBusyShare = 0.9;       // of a CPU: the generator is at its end
constexpr double kDelayedShare = 0.01;   // of the requests that waited for a connection
constexpr int64_t kHarmlessNs = 20'000;  // a generator this little behind is never worth a word

int64_t value_at(const LogHistogram& histogram, uint64_t rank) {
  if (rank == 0) return Quantile::kUnknown;
  return rank <= histogram.count() ? histogram.at_rank(rank) : Quantile::kNever;
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

void warn_of_lateness(const ClientReport& client, std::vector<std::string>& sentences) {
  if (client.behind.count() == 0 || client.answered.count() == 0) return;
  const int64_t behind = quantile(client.behind, 0.99).value, median = quantile(client.answered, 0.5).value;
  const bool matters = behind > median / 4 || (client.options.deadline_ns > 0 && behind > client.options.deadline_ns / 10);
  if (behind <= kHarmlessNs || !matters) return;
  sentences.push_back("client '" + client.options.name + "': the generator itself was up to " + duration_text(behind) +
                      " late (p99), which is part of every latency; give it a CPU of its own (taskset) or a lower rate");
}

}  // namespace

void ClientReport::add(const ClientReport& other) {
  requests += other.requests;
  for (size_t i = 0; i < kOutcomeCount; ++i) {
    outcomes[i] += other.outcomes[i];
    if (examples[i].empty()) examples[i] = other.examples[i];
  }
  delayed += other.delayed;
  answered_in_window += other.answered_in_window;
  refused_late += other.refused_late;
  bytes_sent += other.bytes_sent;
  bytes_received += other.bytes_received;
  connections_opened += other.connections_opened;
  answered.add(other.answered);
  refused.add(other.refused);
  given_up.add(other.given_up);
  late_by.add(other.late_by);
  behind.add(other.behind);
  if (slices.size() < other.slices.size()) slices.resize(other.slices.size());
  for (size_t s = 0; s < other.slices.size(); ++s) {
    for (size_t i = 0; i < kOutcomeCount; ++i) slices[s].outcomes[i] += other.slices[s].outcomes[i];
    slices[s].answered.add(other.slices[s].answered);
  }
}

ClientReport Report::total() const {
  ClientReport sum;
  sum.options.name = "total";
  for (const ClientReport& client : clients) sum.add(client);
  return sum;
}

Rates rates_of(const Report& report, const ClientReport& client) {
  const auto in_time = client.count(Outcome::kInTime);
  const ShareInterval interval = share_interval(in_time, client.requests);
  const double seconds = report.seconds();
  return {static_cast<double>(client.requests) / seconds,
          static_cast<double>(client.answered_in_window) / seconds,
          static_cast<double>(in_time) / seconds,
          client.requests == 0 ? 0 : static_cast<double>(in_time) / static_cast<double>(client.requests),
          interval.low,
          interval.high};
}

Quantile quantile(const LogHistogram& histogram, double q) { return quantile_of_all(histogram, histogram.count(), q); }

Quantile quantile_of_all(const LogHistogram& histogram, uint64_t requests, double q) {
  if (requests == 0) return {};
  const RankInterval ranks = quantile_interval(requests, q);
  Quantile result;
  result.value = value_at(histogram, quantile_rank(requests, q));
  result.low = value_at(histogram, ranks.low);
  result.high = ranks.high > requests ? Quantile::kUnknown : value_at(histogram, ranks.high);
  return result;
}

std::vector<std::string> warnings(const Report& report) {
  std::vector<std::string> sentences;
  if (report.interrupted) sentences.push_back("the run was ended early; requests in flight at that moment are left out");
  if (report.cpu_share > kBusyShare)
    sentences.push_back("the generator used " + percent(report.cpu_share) + " of a CPU: it, not the server, may be the limit");
  for (const ClientReport& client : report.clients) {
    warn_of_lateness(client, sentences);
    if (client.delayed > 0 && static_cast<double>(client.delayed) > kDelayedShare * static_cast<double>(client.requests))
      sentences.push_back("client '" + client.options.name +
                          "': " + percent(static_cast<double>(client.delayed) / static_cast<double>(client.requests)) +
                          " of the requests waited for one of the " + std::to_string(client.options.connections) +
                          " connections; their latency counts from the intended start, more connections show the server alone");
  }
  return sentences;
}

}  // namespace tercel::load
