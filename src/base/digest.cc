#include "base/digest.h"

#include <cstdio>

#include "base/crc32c.h"

namespace tercel {

std::string digest_of(std::span<const std::byte> bytes) {
  char text[64];
  std::snprintf(text, sizeof text, "crc32c:%08x:%zu", crc32c(0, bytes), bytes.size());
  return text;
}

}  // namespace tercel
