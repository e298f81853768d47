#include "base/toml_text.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace tercel {
namespace {

// Takes one character of UTF-8 beyond ASCII off the front of `text`; 0 when it is none (overlong forms, surrogates and what
// lies beyond U+10FFFF are none).
uint32_t take_character(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  uint32_t code = lead & (size == 2 ? 0x1F : size == 3 ? 0x0F : 0x07);
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c & 0xC0) != 0x80) return 0;
    code = code << 6 | (c & 0x3F);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[size] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return 0;
  text.remove_prefix(size);
  return code;
}

// One line that does not begin inside of a string.
class Line {
 public:
  explicit Line(std::string_view text) : text_(text) {}

  // Appends it to `out`; what is wrong with it, or null.
  const char* append_to(std::string& out) {
    while (!text_.empty()) {
      const char* wrong = static_cast<unsigned char>(text_[0]) < 0x80 ? take_ascii(out) : take_other(out);
      if (wrong) return wrong;
    }
    return nullptr;
  }

 private:
  const char* take_ascii(std::string& out) {
    const char c = text_[0];
    if (quote_ == '"' && c == '\\' && text_.size() > 1) {
      if (static_cast<unsigned char>(text_[1]) >= 0x80) return "a backslash before a character that needs none";
      out += c;
      text_.remove_prefix(1);
    } else if (quote_ != 0) {
      if (c == quote_) quote_ = 0;
    } else if (!in_comment_ && (c == '"' || c == '\'')) {
      if (text_.substr(0, 3) == std::string(3, c)) return "strings over several lines are not taken here; write it in one line";
      quote_ = c;
    } else {
      in_comment_ |= c == '#';
    }
    out += text_[0];
    text_.remove_prefix(1);
    return nullptr;
  }

  const char* take_other(std::string& out) {
    const uint32_t code = take_character(text_);
    if (code == 0) return "a byte that is not UTF-8";
    if (in_comment_) {
      out += '?';
      return nullptr;
    }
    if (quote_ != '"') return "a character beyond ASCII, which may stand in \"double quotes\" and comments only";
    char escape[16];
    std::snprintf(escape, sizeof escape, "\\U%08X", code);
    out += escape;
    return nullptr;
  }

  std::string_view text_;
  char quote_ = 0;
  bool in_comment_ = false;
};

}  // namespace

Result<std::string> ascii_toml(std::string_view text, const std::string& file) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte order mark, which some editors write
  std::string out;
  out.reserve(text.size());
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (const char* wrong = Line(text.substr(0, end)).append_to(out))
      return invalid(file + " line " + std::to_string(number) + ": " + wrong);
    if (end < text.size()) out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace tercel
