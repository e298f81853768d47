#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "observe/histogram.h"

namespace tercel::observe {

using Label = std::pair<std::string_view, std::string_view>;
using Labels = std::initializer_list<Label>;

// Appends the Prometheus text format (0.0.4) to a string. All samples of a family must follow its family() line.
class PrometheusWriter {
 public:
  explicit PrometheusWriter(std::string& out) : out_(out) {}

  // type: "counter", "gauge" or "histogram".
  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(Labels labels, uint64_t value) { sample("", labels, value); }
  void sample(Labels labels, double value);
  // The buckets, sum and count of a histogram, in seconds.
  void histogram(Labels labels, const Histogram::Reading& reading);

 private:
  void sample(std::string_view suffix, Labels labels, uint64_t value);
  void name_and_labels(std::string_view suffix, Labels labels, std::string_view bound);

  std::string& out_;
  std::string name_;
};

// A label value or help text with \, " and line breaks escaped.
std::string prometheus_escaped(std::string_view text);

}  // namespace tercel::observe
