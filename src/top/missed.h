#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tercel::top {

// A request that missed its deadline or failed, as /v2/debug/requests tells it.
struct Missed {
  std::string model, version, id, outcome, request_class, reason;
  std::string stage;        // that took longest
  int64_t finished_ms = 0;  // Unix time
  double deadline_ms = 0;   // 0: none
  double total_ms = 0, stage_ms = 0;
};

// The newest `at_most` of the page, newest first.
Result<std::vector<Missed>> parse_missed(std::string_view page, size_t at_most);

}  // namespace tercel::top
