#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "cli/terminal.h"
#include "plan/program.h"

namespace tercel::cli {

// The distribution of measured times. Percentiles are the smallest value that at least that share of the runs stay below.
struct LatencySummary {
  double min = 0, p50 = 0, p90 = 0, p99 = 0, p999 = 0, max = 0;  // microseconds
  size_t runs = 0;
};

LatencySummary summarize(std::vector<double> times_us);
void write_json(JsonWriter& json, const LatencySummary& latency);  // {"min":..,"p50":..,...,"p99.9":..,"max":..}

// What a plan promises of shapes: {"threads":..,"p50_us":..,"p99_us":..,"p999_us":..}, the last null where it says nothing; the
// shapes themselves, {"image":[1,3,224,224]}; and a table of all that it was measured at.
void write_json(JsonWriter& json, const plan::MeasuredLatency& promised);
void write_shapes(JsonWriter& json, const plan::Program& program, const plan::Bucket& bucket);
Table promises(const std::vector<plan::Bucket>& buckets);

// A histogram of a few lines over a logarithmic axis, for people.
std::string histogram(const std::vector<double>& times_us, int width = 40);

}  // namespace tercel::cli
