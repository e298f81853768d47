#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace tercel {

// "crc32c:<8 hex digits>:<bytes>": which file something was made from, or is. Tells files apart that differ by accident, not
// by intent.
std::string digest_of(std::span<const std::byte> bytes);

}  // namespace tercel
