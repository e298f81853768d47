#include "top/reading.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace tercel::top {
namespace {

constexpr std::string_view kPrefix = "tercel_";

// A counter or a gauge can be none of these; arithmetic with them would spoil everything.
double sane(double value) { return std::isfinite(value) && value > 0 ? value : 0; }

std::optional<double> bound_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double bound = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), bound);
  if (failure != std::errc() || end != text.data() + text.size() || std::isnan(bound)) return std::nullopt;
  return bound;
}

void add_bucket(Buckets& buckets, const Sample& sample) {
  const auto bound = bound_of(sample.label("le"));
  // A server writes them in their order; what is out of order is not a bucket.
  if (!bound || (!buckets.bounds.empty() && *bound <= buckets.bounds.back())) return;
  buckets.bounds.push_back(*bound);
  const double before = buckets.counts.empty() ? 0 : buckets.counts.back();
  buckets.counts.push_back(std::max(sane(sample.value), before));
}

void add_to_version(VersionReading& v, std::string_view name, const Sample& sample) {
  const double value = sane(sample.value);
  if (name == "requests_total") v.outcomes[std::string(sample.label("outcome"))] += value;
  else if (name == "deadline_requests_total") (sample.label("met") == "true" ? v.met : v.missed) += value;
  else if (name == "request_duration_seconds_bucket") add_bucket(v.duration, sample);
  else if (name == "deadline_slack_seconds_sum") v.slack_s = value;
  else if (name == "deadline_slack_seconds_count") v.slacks = value;
  else if (name == "deadline_lateness_seconds_sum") v.lateness_s = value;
  else if (name == "deadline_lateness_seconds_count") v.latenesses = value;
  else if (name == "queue_depth") v.queued = value;
  else if (name == "inflight") v.running = value;
  else if (name == "model_ready") v.is_ready = value > 0;
}

void add_to_server(Reading& reading, std::string_view name, const Sample& sample) {
  const double value = sane(sample.value);
  if (name == "process_resident_memory_bytes") reading.resident_bytes = value;
  else if (name == "process_cpu_seconds_total") reading.cpu_s = value;
  else if (name == "tercel_http_connections") reading.connections = value;
  else if (name == "tercel_ready") reading.is_ready = value > 0;
  else if (name == "tercel_build_info") reading.release = sample.label("version");
}

// Versions are numbers: 9 before 10.
bool is_before(const VersionReading& a, const VersionReading& b) {
  if (a.model != b.model) return a.model < b.model;
  if (a.version.size() != b.version.size()) return a.version.size() < b.version.size();
  return a.version < b.version;
}

}  // namespace

std::optional<double> quantile(const Buckets& buckets, double q) {
  if (buckets.counts.empty() || !(buckets.counts.back() > 0)) return std::nullopt;
  const double rank = q * buckets.counts.back();
  size_t i = 0;
  while (i + 1 < buckets.counts.size() && buckets.counts[i] < rank) ++i;
  if (!std::isfinite(buckets.bounds[i])) return i > 0 ? std::optional(buckets.bounds[i - 1]) : std::nullopt;
  const double low = i > 0 ? buckets.bounds[i - 1] : 0, below = i > 0 ? buckets.counts[i - 1] : 0;
  const double inside = buckets.counts[i] - below;
  return inside > 0 ? low + (buckets.bounds[i] - low) * std::clamp((rank - below) / inside, 0.0, 1.0) : buckets.bounds[i];
}

Result<Reading> make_reading(std::span<const Sample> samples, int64_t at_ns) {
  Reading reading;
  reading.at_ns = at_ns;
  std::map<std::pair<std::string_view, std::string_view>, VersionReading> versions;
  bool is_tercel = false;
  for (const Sample& sample : samples) {
    is_tercel |= sample.name == "tercel_build_info";
    const auto model = sample.label("model");
    if (model.empty() || !sample.name.starts_with(kPrefix)) {
      add_to_server(reading, sample.name, sample);
      continue;
    }
    const auto version = sample.label("version");
    VersionReading& v = versions[{model, version}];
    if (v.model.empty()) {
      v.model = model;
      v.version = version;
    }
    add_to_version(v, sample.name.substr(kPrefix.size()), sample);
  }
  if (!is_tercel) return invalid("its metrics are not those of a Tercel server: there is no tercel_build_info");
  for (auto& [name, version] : versions) reading.versions.push_back(std::move(version));
  std::sort(reading.versions.begin(), reading.versions.end(), is_before);
  return reading;
}

}  // namespace tercel::top
