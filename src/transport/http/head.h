#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "observe/trace/context.h"
#include "request/terms.h"
#include "transport/http/limits.h"

namespace tercel::transport::http {

// An answer that says no. `message` becomes {"error": message}.
struct Refusal {
  int status = 0;
  std::string message;
};

enum class Method : uint8_t { kGet, kPost, kDelete, kOther };

// What Tercel needs of a request head. The views point into the parsed bytes.
struct Head {
  Method method = Method::kOther;
  std::string_view target;                      // starts with '/'; an absolute form is cut to its path
  std::string_view content_encoding;            // empty when absent
  uint64_t content_length = 0;                  // 0 when absent
  std::optional<uint64_t> infer_header_length;  // Inference-Header-Content-Length
  bool has_content_length = false;
  bool keep_alive = true;
  bool expects_continue = false;
  bool wants_timing = false;                          // x-tercel-timing: 1
  std::optional<int64_t> deadline_us;                 // x-tercel-deadline-us; any number
  std::optional<request::Class> request_class;        // x-tercel-class
  std::optional<request::ReservationId> reservation;  // x-tercel-reservation
  observe::trace::Parent trace_parent;                // traceparent; not valid when absent, malformed or given twice
};

// Where the head ends in `received` (one past its blank line), or none yet. `scanned` remembers how far earlier calls
// looked, so that a head that trickles in is not searched again; start it at 0.
std::optional<size_t> find_head_end(std::string_view received, size_t& scanned);

// Parses a whole head, blank line included. Strict where leniency lets two servers disagree about where a request ends:
// CRLF only, no folded lines, no space before a colon, one Host, one Content-Length, no Transfer-Encoding.
std::optional<Refusal> parse_head(std::string_view text, const Limits& limits, Head& head);

}  // namespace tercel::transport::http
