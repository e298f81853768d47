#include "cli/latency.h"

#include <algorithm>
#include <cmath>

namespace tercel::cli {

LatencySummary summarize(std::vector<double> times_us) {
  LatencySummary s;
  if (times_us.empty()) return s;
  std::sort(times_us.begin(), times_us.end());
  const auto at = [&](double share) {
    const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(times_us.size())));
    return times_us[std::clamp<size_t>(rank, 1, times_us.size()) - 1];
  };
  return {times_us.front(), at(0.5), at(0.9), at(0.99), at(0.999), times_us.back(), times_us.size()};
}

void write_json(JsonWriter& json, const LatencySummary& latency) {
  json.begin_object().field("min", latency.min).field("p50", latency.p50).field("p90", latency.p90);
  json.field("p99", latency.p99).field("p99.9", latency.p999).field("max", latency.max).end_object();
}

void write_json(JsonWriter& json, const plan::MeasuredLatency& promised) {
  json.begin_object().field("threads", promised.threads).field("p50_us", promised.p50_us).field("p99_us", promised.p99_us);
  json.key("p999_us");
  if (promised.p999_us > 0) json.value(promised.p999_us);
  else json.null();
  json.end_object();
}

void write_shapes(JsonWriter& json, const plan::Program& program, const plan::Bucket& bucket) {
  json.begin_object();
  for (size_t i = 0; i < program.profile.size(); ++i) {
    json.key(program.profile[i].name).begin_array();
    for (int64_t size : bucket.input_shapes[i]) json.value(size);
    json.end_array();
  }
  json.end_object();
}

namespace {

// "1x3x224x224, 1x8"
std::string bucket_text(const std::vector<std::vector<int64_t>>& shapes) {
  std::string text;
  for (const auto& sizes : shapes) text += (text.empty() ? "" : ", ") + to_string(Shape(std::span<const int64_t>(sizes)));
  return text;
}

}  // namespace

Table promises(const std::vector<plan::Bucket>& buckets) {
  Table table({"shapes", "arena", "threads", "p50", "p99", "p99.9"});
  for (const plan::Bucket& bucket : buckets)
    for (const auto& l : bucket.latency)
      table.add({bucket_text(bucket.input_shapes), bytes_text(static_cast<double>(bucket.arena_bytes)), std::to_string(l.threads),
                 time_text(l.p50_us), time_text(l.p99_us), l.p999_us > 0 ? time_text(l.p999_us) : "-"});
  return table;
}

std::string histogram(const std::vector<double>& times_us, int width) {
  if (times_us.empty()) return "";
  const auto [low, high] = std::minmax_element(times_us.begin(), times_us.end());
  constexpr int kBins = 8;
  const double first = std::log(std::max(*low, 1e-3)), span = std::max(std::log(std::max(*high, 1e-3)) - first, 1e-6);
  std::vector<size_t> bins(kBins, 0);
  for (double t : times_us)
    ++bins[std::clamp(static_cast<int>((std::log(std::max(t, 1e-3)) - first) / span * kBins), 0, kBins - 1)];
  const size_t tallest = *std::max_element(bins.begin(), bins.end());
  std::string text;
  for (int b = 0; b < kBins; ++b) {
    std::string label = time_text(std::exp(first + span * b / kBins));
    label.insert(0, label.size() < 9 ? 9 - label.size() : 0, ' ');
    // Every run is visible: a single late one is what people look for.
    const auto bar =
        static_cast<int>(std::ceil(static_cast<double>(width) * static_cast<double>(bins[b]) / static_cast<double>(tallest)));
    text += label + " |" + std::string(bar, '#') + (bins[b] ? " " + std::to_string(bins[b]) : "") + "\n";
  }
  return text;
}

}  // namespace tercel::cli
