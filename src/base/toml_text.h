#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace tercel {

// The same TOML in ASCII, line by line. toml++ 3.3 runs into undefined behaviour on some characters beyond ASCII wherever it
// looks for white space (is_non_ascii_horizontal_whitespace falls into __builtin_unreachable), also while it words an error;
// so it is not shown any. In "strings" they become \u escapes, which mean the same; in comments '?'. Anywhere else, and in
// 'literal strings', which know no escapes, they are errors with their line; so are strings over several lines, which no
// file of ours needs, and what is not UTF-8.
Result<std::string> ascii_toml(std::string_view text, const std::string& file);

}  // namespace tercel
