#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tercel::observe::trace {

inline constexpr size_t kCollectorAnswerBytesMax = 16 << 10;  // head of a collector's answer; its body is not read

// Where spans go.
struct Collector {
  std::string url;  // as given, for messages
  std::string host, port;
  std::string authority;  // "collector:4318", for the Host header
  std::string path;       // starts with '/'
};

// Takes "http://host[:port][/path]"; the port is 80 when it is not said, as in every URL. https is refused: there is no TLS here.
Result<Collector> parse_collector(std::string_view url);

struct CollectorAnswer {
  int status = 0;
  std::optional<int64_t> retry_after_ns;  // Retry-After in seconds; a date there is not read
  bool is_accepted() const { return status >= 200 && status < 300; }
  // Asking again may help (OTLP, "Failures": 429, 502, 503 and 504 alone).
  bool is_worth_repeating() const { return status == 429 || status == 502 || status == 503 || status == 504; }
};

// The head of an answer, once it is whole: nothing before; an error when it is no HTTP. A 1xx before it is skipped.
Result<std::optional<CollectorAnswer>> parse_collector_answer(std::string_view received);

// One POST of JSON on a connection of its own. Takes until `end_ns`, or `*stop_ns` when another thread sets that to something
// earlier (both on platform::now_ns()); only looking up a host's name may take longer.
Result<CollectorAnswer> post(const Collector& collector, std::string_view body, int64_t end_ns,
                             const std::atomic<int64_t>& stop_ns);

}  // namespace tercel::observe::trace
