#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "top/prometheus_text.h"

namespace tercel::top {

// Buckets as Prometheus writes them: each counts what is at most its bound, the last bound is infinite. In seconds.
struct Buckets {
  std::vector<double> bounds, counts;  // rising
};

// Where the share `q` of what was counted lies: interpolated within its bucket, from zero in the first one; the largest finite
// bound when it lies above that. Nothing when nothing was counted.
std::optional<double> quantile(const Buckets& buckets, double q);

// The counters of one version of a model since it was loaded.
struct VersionReading {
  std::string model, version;
  std::map<std::string, double, std::less<>> outcomes;  // requests
  double met = 0, missed = 0;                           // deadlines
  Buckets duration;                                     // of answered requests
  double slack_s = 0, slacks = 0;                       // sum and number: of those in time
  double lateness_s = 0, latenesses = 0;                // of the others
  double queued = 0, running = 0;
  bool is_ready = false;
};

// What one page of metrics says.
struct Reading {
  int64_t at_ns = 0;  // on the reader's clock
  std::string release;
  bool is_ready = false;
  double resident_bytes = 0, cpu_s = 0, connections = 0;
  std::vector<VersionReading> versions;  // by model and version
};

// An error when the samples are not those of a Tercel server.
Result<Reading> make_reading(std::span<const Sample> samples, int64_t at_ns);

}  // namespace tercel::top
