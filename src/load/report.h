#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "load/histogram.h"
#include "load/options.h"
#include "load/outcome.h"

namespace tercel::load {

// What happened to the requests that were meant to start in one short span of the run.
struct Slice {
  std::array<uint32_t, kOutcomeCount> outcomes{};
  LogHistogram answered{4};  // coarse: there are many slices
};

// What one client measured. All times in nanoseconds; latency counts from the intended start.
struct ClientReport {
  ClientOptions options;
  std::string shapes;

  // Open: those that were meant to start in the measured time. Closed: those that ended in it or later, so that one that
  // was under way when it began is not forgotten.
  uint64_t requests = 0;
  std::array<uint64_t, kOutcomeCount> outcomes{};
  std::array<std::string, kOutcomeCount> examples;  // the first sentence of each kind
  uint64_t delayed = 0;                             // found no free connection and waited for one
  uint64_t answered_in_window = 0;  // answers with 200 that arrived in the measured time, whenever they were meant to start
  uint64_t refused_late = 0;        // refusals and 504s that arrived after the deadline
  uint64_t bytes_sent = 0, bytes_received = 0;
  uint64_t connections_opened = 0;  // in the whole run

  LogHistogram answered;  // latency of answers with 200
  LogHistogram refused;   // how fast 429 and 503 came
  LogHistogram given_up;  // how fast 504 came
  LogHistogram late_by;   // of late answers: past the deadline
  LogHistogram behind;    // the generator's own lateness: from the intended start to taking the request up
  std::vector<Slice> slices;

  uint64_t count(Outcome outcome) const { return outcomes[static_cast<size_t>(outcome)]; }
  uint64_t answers() const { return count(Outcome::kInTime) + count(Outcome::kLate); }
  void add(const ClientReport& other);  // sums everything but options, shapes and examples, which stay or fill gaps
};

// A whole run.
struct Report {
  std::string url;
  int64_t date_s = 0;  // since 1970
  uint64_t seed = 0;
  int64_t duration_ns = 0, warmup_ns = 0, timeout_ns = 0;
  int64_t slice_ns = 0;
  double cpu_share = 0;      // of one CPU that the generator used
  bool interrupted = false;  // the user ended it early
  std::vector<ClientReport> clients;

  ClientReport total() const;
  double seconds() const { return static_cast<double>(duration_ns) * 1e-9; }
};

// The rates of one client, or of the total, in one report.
struct Rates {
  double offered = 0;     // requests a second that were meant to start (closed: that started)
  double achieved = 0;    // answers with 200 a second, in the measured time
  double goodput = 0;     // requests a second that were answered in time
  double attainment = 0;  // share of the requests that were answered in time, and its 95 % interval
  double attainment_low = 0, attainment_high = 1;
};
Rates rates_of(const Report& report, const ClientReport& client);

// The q-quantile with its 95 % interval, in nanoseconds. kNever: so many requests got no answer that it lies beyond all
// answers; kUnknown: too few requests to say.
struct Quantile {
  static constexpr int64_t kNever = INT64_MAX, kUnknown = -1;
  int64_t value = kUnknown, low = kUnknown, high = kUnknown;
};

// Of the values in `histogram` alone.
Quantile quantile(const LogHistogram& histogram, double q);
// Of `requests`, those beyond histogram.count() having taken for ever.
Quantile quantile_of_all(const LogHistogram& histogram, uint64_t requests, double q);

// What a reader must know before believing the numbers: a generator that was late or out of CPU, too few connections, an
// early end. One sentence each.
std::vector<std::string> warnings(const Report& report);

}  // namespace tercel::load
