#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tercel::top {

inline constexpr size_t kSamplesMax = 1 << 20;  // of one page
inline constexpr size_t kLabelsMax = 32;        // of one sample

// One line of a page of metrics.
struct Sample {
  std::string_view name;                                         // into the page
  std::vector<std::pair<std::string_view, std::string>> labels;  // values without their escapes
  double value = 0;                                              // may be NaN or infinite

  // The value of a label, "" when it has none.
  std::string_view label(std::string_view label) const;
};

// Reads the Prometheus text format 0.0.4: a sample a line, comments and time stamps left out. What is not that is an error with
// the number of the line. The samples point into `page`.
Result<std::vector<Sample>> parse_prometheus(std::string_view page);

}  // namespace tercel::top
