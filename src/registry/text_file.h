#pragma once

#include <string>

#include "base/result.h"

namespace tercel::registry {

// The text of a small file; where it is longer than `bytes_max`, its first `bytes_max` + 1 bytes, which its parser refuses.
Result<std::string> read_text(const std::string& path, size_t bytes_max);

}  // namespace tercel::registry
