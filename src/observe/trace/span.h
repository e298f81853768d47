#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/fixed_text.h"
#include "observe/trace/context.h"

namespace tercel::observe::trace {

inline constexpr size_t kSpanStages = 6;

// Where a part of a request's time went.
struct SpanStage {
  std::string_view name;  // lives as long as the program
  int64_t ns = 0;
};

// What is told of one request: its span, and one for each stage that took time. Of a fixed size, so that telling allocates
// nothing.
struct Span {
  TraceId trace;
  uint64_t id = 0, parent = 0;  // parent 0: the trace began here
  int64_t start_unix_ns = 0, total_ns = 0;
  std::array<SpanStage, kSpanStages> stages;  // one after the other
  int64_t version = -1;                       // of the model; -1: none was found
  int64_t deadline_us = 0;                    // from the start; 0: none
  int64_t slack_us = 0;                       // what was left of it at the end, below zero when it was missed
  int http_status = 0;
  bool is_error = false;
  std::string_view request_class, outcome;  // live as long as the program
  FixedText<128> model;
  FixedText<192> reason;  // of an error

  // Spans that a collector gets of this.
  size_t spans() const {
    size_t count = 1;
    for (const SpanStage& stage : stages) count += stage.ns > 0;
    return count;
  }
};

// The names of everything that a span carries, in OpenTelemetry's conventions where there is one.
inline constexpr std::string_view kRequestSpan = "request";
inline constexpr std::string_view kModelAttribute = "tercel.model";
inline constexpr std::string_view kVersionAttribute = "tercel.version";
inline constexpr std::string_view kClassAttribute = "tercel.class";
inline constexpr std::string_view kOutcomeAttribute = "tercel.outcome";
inline constexpr std::string_view kDeadlineAttribute = "tercel.deadline_us";
inline constexpr std::string_view kSlackAttribute = "tercel.slack_us";
inline constexpr std::string_view kStatusAttribute = "http.response.status_code";

}  // namespace tercel::observe::trace
