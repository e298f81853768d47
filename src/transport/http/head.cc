#include "transport/http/head.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>

#include "base/header_text.h"

namespace tercel::transport::http {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

// RFC 9110 tchar.
constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}
constexpr auto kToken = make_token_table();

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return kToken[static_cast<unsigned char>(c)]; });
}

bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u >= 0x20 ? u != 0x7f : u == '\t';
  });
}

std::optional<uint64_t> decimal(std::string_view text) {
  uint64_t value = 0;
  if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// What the header lines say beyond Head, for the checks that need all of them.
struct Seen {
  int hosts = 0, trace_parents = 0;
  bool transfer_encoding = false, close = false, keep_alive = false;
};

std::optional<Refusal> take_content_length(std::string_view value, Head& head) {
  const auto length = decimal(value);
  if (!length) return Refusal{400, "Content-Length is not a number"};
  if (head.has_content_length) return Refusal{400, "Content-Length is given twice"};
  head.has_content_length = true;
  head.content_length = *length;
  return std::nullopt;
}

std::optional<Refusal> take_infer_header_length(std::string_view value, Head& head) {
  const auto length = decimal(value);
  if (!length) return Refusal{400, "Inference-Header-Content-Length is not a number"};
  if (head.infer_header_length) return Refusal{400, "Inference-Header-Content-Length is given twice"};
  head.infer_header_length = *length;
  return std::nullopt;
}

std::optional<Refusal> take_deadline(std::string_view value, Head& head) {
  int64_t us = 0;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), us);
  if (failure == std::errc::result_out_of_range && end == value.data() + value.size())
    us = value.starts_with('-') ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
  else if (failure != std::errc() || end != value.data() + value.size())
    return Refusal{400, "x-tercel-deadline-us is not a number of microseconds"};
  if (head.deadline_us) return Refusal{400, "x-tercel-deadline-us is given twice"};
  head.deadline_us = us;
  return std::nullopt;
}

std::optional<Refusal> take_class(std::string_view value, Head& head) {
  if (head.request_class) return Refusal{400, "x-tercel-class is given twice"};
  head.request_class = request::class_of(value);
  if (!head.request_class) return Refusal{400, "x-tercel-class is none of guaranteed, hard, soft and bulk"};
  return std::nullopt;
}

std::optional<Refusal> take_reservation(std::string_view value, Head& head) {
  if (head.reservation) return Refusal{400, "x-tercel-reservation is given twice"};
  head.reservation = request::reservation_id_of(value);
  if (!head.reservation)
    return Refusal{400, "x-tercel-reservation is not a reservation: 16 digits from 0 to f, as POST v2/reservations answers"};
  return std::nullopt;
}

std::optional<Refusal> take_field(std::string_view name, std::string_view value, Head& head, Seen& seen) {
  // The first letter and the length rule out nearly every header before a name is compared.
  switch (lower_case_of(name[0])) {
    case 'c':
      if (equals_ignoring_case(name, "content-length")) return take_content_length(value, head);
      if (equals_ignoring_case(name, "content-encoding")) head.content_encoding = value;
      if (equals_ignoring_case(name, "connection")) {
        seen.close |= list_has(value, "close");
        seen.keep_alive |= list_has(value, "keep-alive");
      }
      break;
    case 'e':
      if (!equals_ignoring_case(name, "expect")) break;
      if (!equals_ignoring_case(value, "100-continue")) return Refusal{417, "the only expectation that is met is 100-continue"};
      head.expects_continue = true;
      break;
    case 'h': seen.hosts += equals_ignoring_case(name, "host"); break;
    case 'i':
      if (equals_ignoring_case(name, "inference-header-content-length")) return take_infer_header_length(value, head);
      break;
    case 't':
      seen.transfer_encoding |= equals_ignoring_case(name, "transfer-encoding");
      // A malformed one is as good as none (W3C Trace Context, section 4.3), and two are malformed.
      if (equals_ignoring_case(name, "traceparent"))
        head.trace_parent = ++seen.trace_parents == 1 ? observe::trace::parse_parent(value).value_or(observe::trace::Parent{})
                                                      : observe::trace::Parent{};
      break;
    case 'x':
      if (equals_ignoring_case(name, "x-tercel-timing")) head.wants_timing = value == "1";
      if (equals_ignoring_case(name, "x-tercel-deadline-us")) return take_deadline(value, head);
      if (equals_ignoring_case(name, "x-tercel-class")) return take_class(value, head);
      if (equals_ignoring_case(name, "x-tercel-reservation")) return take_reservation(value, head);
      break;
  }
  return std::nullopt;
}

std::optional<Refusal> take_request_line(std::string_view line, const Limits& limits, Head& head, bool& http10) {
  const size_t first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return Refusal{400, "the request line is not METHOD PATH HTTP/1.1"};
  const auto method = line.substr(0, first), version = line.substr(last + 1);
  head.target = line.substr(first + 1, last - first - 1);
  if (!is_token(method)) return Refusal{400, "the method is not a token"};
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return version.substr(0, 5) == "HTTP/" ? Refusal{505, "only HTTP/1.1 and HTTP/1.0 are spoken here"}
                                           : Refusal{400, "the request line does not end with HTTP/1.1"};
  }
  http10 = version.back() == '0';
  head.method = method == "GET"      ? Method::kGet
                : method == "POST"   ? Method::kPost
                : method == "DELETE" ? Method::kDelete
                                     : Method::kOther;
  if (head.target.size() > limits.target_bytes) {
    return Refusal{414, "the path is longer than " + std::to_string(limits.target_bytes) + " bytes"};
  }
  if (!std::all_of(head.target.begin(), head.target.end(), [](char c) { return c > 0x20 && c < 0x7f; })) {
    return Refusal{400, "the path holds a character that must be percent-encoded"};
  }
  if (equals_ignoring_case(head.target.substr(0, 7), "http://")) {
    const size_t slash = head.target.find('/', 7);
    head.target = slash == std::string_view::npos ? std::string_view("/") : head.target.substr(slash);
  }
  if (!head.target.starts_with('/')) return Refusal{400, "the path does not start with '/'"};
  return std::nullopt;
}

// Content-Length and Transfer-Encoding together, or the latter in HTTP/1.0, are how requests are smuggled past a proxy.
std::optional<Refusal> check_whole(const Head& head, const Seen& seen, bool http10) {
  if (seen.hosts > 1 || (seen.hosts == 0 && !http10)) return Refusal{400, "a request needs exactly one Host header"};
  if (!seen.transfer_encoding) return std::nullopt;
  if (head.has_content_length || http10)
    return Refusal{400, "Transfer-Encoding beside Content-Length, or in HTTP/1.0, is ambiguous"};
  return Refusal{411, "chunked bodies are not taken: send Content-Length"};
}

}  // namespace

std::optional<size_t> find_head_end(std::string_view received, size_t& scanned) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  const size_t from = scanned < kEnd.size() ? 0 : scanned - (kEnd.size() - 1);
  const void* found = received.size() < from + kEnd.size()
                          ? nullptr
                          : memmem(received.data() + from, received.size() - from, kEnd.data(), kEnd.size());
  scanned = received.size();
  if (!found) return std::nullopt;
  return static_cast<size_t>(static_cast<const char*>(found) - received.data()) + kEnd.size();
}

std::optional<Refusal> parse_head(std::string_view text, const Limits& limits, Head& head) {
  head = {};
  Seen seen;
  bool http10 = false, is_first = true;
  size_t fields = 0;
  for (;;) {
    const size_t end = text.find('\r');
    if (end == std::string_view::npos || text.substr(end, 2) != kLineEnd)
      return Refusal{400, "a line of the head does not end with CRLF"};
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 2);
    if (line.empty()) break;
    if (is_first) {
      if (auto refusal = take_request_line(line, limits, head, http10)) return refusal;
      is_first = false;
      continue;
    }
    if (++fields > limits.headers) return Refusal{431, "more than " + std::to_string(limits.headers) + " headers"};
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return Refusal{400, "a header is not 'Name: value'"};
    const auto value = trimmed(line.substr(colon + 1));
    if (!is_field_value(value)) return Refusal{400, "a header value holds a control character"};
    if (auto refusal = take_field(line.substr(0, colon), value, head, seen)) return refusal;
  }
  if (is_first) return Refusal{400, "the request line is missing"};
  head.keep_alive = !seen.close && (!http10 || seen.keep_alive);
  return check_whole(head, seen, http10);
}

}  // namespace tercel::transport::http
