#include "cli/latency.h"

#include <algorithm>
#include <cmath>

#include "cli/terminal.h"

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
