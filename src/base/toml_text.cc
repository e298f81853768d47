#include "base/toml_text.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "base/utf8.h"

namespace tercel {
namespace {

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
    const int32_t code = take_utf8(text_);
    if (code < 0) return "a byte that is not UTF-8";
    if (in_comment_) {
      out += '?';
      return nullptr;
    }
    if (quote_ != '"') return "a character beyond ASCII, which may stand in \"double quotes\" and comments only";
    char escape[16];
    std::snprintf(escape, sizeof escape, "\\U%08X", static_cast<unsigned>(code));
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
