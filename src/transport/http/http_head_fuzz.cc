#include <cstdlib>

#include "transport/http/head.h"

// A head that arrives in two parts must be understood like one that arrives whole; what is understood lies inside of it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace http = tercel::transport::http;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  size_t scanned = 0, scanned_twice = 0;
  const auto end = http::find_head_end(text, scanned);
  const auto first = http::find_head_end(text.substr(0, size / 2), scanned_twice);
  if (first ? first != end : http::find_head_end(text, scanned_twice) != end) std::abort();
  http::Head head;
  const auto refusal = http::parse_head(end ? text.substr(0, *end) : text, {}, head);
  if (refusal) return refusal->status < 400 ? std::abort(), 0 : 0;
  if (head.target.empty() || head.target[0] != '/') std::abort();
  return 0;
}
