#pragma once

#include <string>

#include "base/result.h"

namespace tercel::custom {

// Loads a shared library and makes its operators known to the process, for good. Loading one again does nothing. The library's
// own start-up code runs. Errors name the file: absent, not a library, without tercel_operators, for another Tercel, operators
// that are wrong or whose names are taken. Any thread.
Result<void> load_operators(const std::string& path);

}  // namespace tercel::custom
