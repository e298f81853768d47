#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace tercel::cli {

// The distribution of measured times. Percentiles are the smallest value that at least that share of the runs stay below.
struct LatencySummary {
  double min = 0, p50 = 0, p90 = 0, p99 = 0, p999 = 0, max = 0;  // microseconds
  size_t runs = 0;
};

LatencySummary summarize(std::vector<double> times_us);
void write_json(JsonWriter& json, const LatencySummary& latency);  // {"min":..,"p50":..,...,"p99.9":..,"max":..}
// A histogram of a few lines over a logarithmic axis, for people.
std::string histogram(const std::vector<double>& times_us, int width = 40);

}  // namespace tercel::cli
