#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <string>
#include <string_view>

namespace tercel {

// Appends JSON to a string: commas are placed for you, text is escaped, numbers are shortest round-trip, NaN and
// infinities become null. Begin and end calls must match; the writer does not check more than a broken nesting would show.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name) { comma(); quote(name); out_ += ':'; need_comma_ = false; return *this; }

  JsonWriter& value(std::string_view text) { comma(); quote(text); need_comma_ = true; return *this; }
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  template <std::same_as<bool> B>
  JsonWriter& value(B truth) { return raw(truth ? "true" : "false"); }
  template <typename T>
    requires(std::integral<T> || std::floating_point<T>) && (!std::same_as<T, bool>)
  JsonWriter& value(T number) {
    if constexpr (std::floating_point<T>) if (!std::isfinite(number)) return raw("null");
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, number).ptr;
    return raw(std::string_view(text, static_cast<size_t>(end - text)));
  }
  JsonWriter& null() { return raw("null"); }
  // Text that is JSON already.
  JsonWriter& raw(std::string_view json) { comma(); out_ += json; need_comma_ = true; return *this; }
  template <typename T>
  JsonWriter& field(std::string_view name, const T& v) { key(name); return value(v); }

 private:
  JsonWriter& open(char c) { comma(); out_ += c; need_comma_ = false; return *this; }
  JsonWriter& close(char c) { out_ += c; need_comma_ = true; return *this; }
  void comma() { if (need_comma_) out_ += ','; need_comma_ = false; }
  void quote(std::string_view text) {
    static constexpr char kHex[] = "0123456789abcdef";
    out_ += '"';
    for (const char c : text) {
      const auto u = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') { out_ += '\\'; out_ += c; }
      else if (u < 0x20 || u == 0x7f) { out_ += "\\u00"; out_ += kHex[u >> 4]; out_ += kHex[u & 15]; }
      else out_ += c;
    }
    out_ += '"';
  }

  std::string& out_;
  bool need_comma_ = false;
};

}  // namespace tercel
