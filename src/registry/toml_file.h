#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/toml_text.h"

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
// Its assertions abort on some texts that its errors describe well.
#define TOML_ASSERT(expression) static_assert(true)
#include <toml++/toml.h>

// What the readers of model.toml and ladder.toml share. Private to the folder: only .cc files include it.
namespace tercel::registry {

inline Error at(const std::string& file, const toml::source_region& where, const std::string& message) {
  return invalid(file + " line " + std::to_string(where.begin.line) + ": " + message);
}

inline Error unknown(const toml::node& node, const std::string& file, const std::string& key, const std::string& known) {
  return at(file, node.source(), "unknown key '" + key + "'; known are " + known);
}

inline Result<toml::table> parse_toml(std::string_view text, const std::string& file, size_t bytes_max) {
  if (text.size() > bytes_max) return too_large(file + " is larger than " + std::to_string(bytes_max) + " bytes");
  const std::string ascii = TRY(ascii_toml(text, file));
  toml::parse_result parsed = toml::parse(std::string_view(ascii));
  if (!parsed) return at(file, parsed.error().source(), std::string(parsed.error().description()));
  return std::move(parsed).table();
}

}  // namespace tercel::registry
