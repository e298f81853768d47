#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tercel::observe::trace {

// 16 bytes, the first ones high.
struct TraceId {
  uint64_t high = 0, low = 0;
  bool is_valid() const { return (high | low) != 0; }
  friend bool operator==(const TraceId&, const TraceId&) = default;
};

// The span of the caller, as it came with a request.
struct Parent {
  TraceId trace;
  uint64_t span = 0;
  bool is_sampled = false;  // the caller keeps its span, and asks to keep ours
  bool is_valid() const { return trace.is_valid() && span != 0; }
};

// The value of a `traceparent` header: version, trace, span and flags in lower-case hex, "00-<32>-<16>-<2>" (W3C Trace Context,
// section 3.2). Nothing when it is malformed: then a trace of its own begins. A later version may append to it after a '-'.
std::optional<Parent> parse_parent(std::string_view text);

// In lower-case hex, as traces and log lines show them.
std::string text_of(const TraceId& id);
std::string span_text(uint64_t id);

}  // namespace tercel::observe::trace
