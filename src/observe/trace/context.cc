#include "observe/trace/context.h"

namespace tercel::observe::trace {
namespace {

constexpr size_t kLength = 55;  // of version 00, and at least of every later one

// Takes `digits` of lower-case hex off the front of `text`; std::from_chars would take upper case, too.
std::optional<uint64_t> take_hex(std::string_view& text, size_t digits) {
  if (text.size() < digits) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text.substr(0, digits)) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit && (c < 'a' || c > 'f')) return std::nullopt;
    value = value << 4 | static_cast<uint64_t>(is_digit ? c - '0' : c - 'a' + 10);
  }
  text.remove_prefix(digits);
  return value;
}

bool take_dash(std::string_view& text) {
  if (!text.starts_with('-')) return false;
  text.remove_prefix(1);
  return true;
}

void append_hex(std::string& out, uint64_t value) {
  for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[value >> shift & 15];
}

}  // namespace

std::optional<Parent> parse_parent(std::string_view text) {
  const bool has_more = text.size() > kLength;
  const auto version = take_hex(text, 2);
  if (!version || *version == 0xFF || (*version == 0 && has_more) || !take_dash(text)) return std::nullopt;
  const auto high = take_hex(text, 16), low = take_hex(text, 16);
  if (!high || !low || !take_dash(text)) return std::nullopt;
  const auto span = take_hex(text, 16);
  if (!span || !take_dash(text)) return std::nullopt;
  const auto flags = take_hex(text, 2);
  if (!flags || (has_more && !take_dash(text))) return std::nullopt;
  const Parent parent{{*high, *low}, *span, (*flags & 1) != 0};
  if (!parent.is_valid()) return std::nullopt;
  return parent;
}

std::string text_of(const TraceId& id) {
  std::string text;
  append_hex(text, id.high);
  append_hex(text, id.low);
  return text;
}

std::string span_text(uint64_t id) {
  std::string text;
  append_hex(text, id);
  return text;
}

}  // namespace tercel::observe::trace
