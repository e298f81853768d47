#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tercel {

// Takes one character off the front of `text`, which is not empty: ASCII or UTF-8 (RFC 3629). Nothing is taken, and the answer is
// -1, when it is neither: overlong forms, surrogates and what lies beyond U+10FFFF are none.
inline int32_t take_utf8(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0x80 ? 2 : 1;
  if (size == 1) {
    text.remove_prefix(1);
    return lead;
  }
  int32_t code = lead & (size == 2 ? 0x1F : size == 3 ? 0x0F : 0x07);
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return -1;
  for (size_t i = 1; i < size; ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c & 0xC0) != 0x80) return -1;
    code = code << 6 | (c & 0x3F);
  }
  constexpr int32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[size] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return -1;
  text.remove_prefix(size);
  return code;
}

// The text with '?' for each byte that belongs to no character: what JSON may hold.
inline std::string well_formed_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::string_view before = text;
    if (take_utf8(text) >= 0) {
      out += before.substr(0, before.size() - text.size());
    } else {
      out += '?';
      text.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace tercel
