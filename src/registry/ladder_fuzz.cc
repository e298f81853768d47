#include <cstdint>
#include <cstdlib>

#include "registry/ladder.h"

// Any text either is a ladder, the most accurate variant first, or is refused with the file and a reason. Corpus:
// fuzz/corpus/ladder.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto ladder = tercel::registry::parse_ladder({reinterpret_cast<const char*>(data), size}, "ladder.toml");
  if (!ladder.ok()) {
    if (ladder.error().message().find("ladder.toml") == std::string::npos) std::abort();
    return 0;
  }
  if (ladder->size() < 2 || ladder->size() > tercel::registry::kLadderVariantsMax) std::abort();
  for (size_t i = 0; i < ladder->size(); ++i) {
    const auto& variant = (*ladder)[i];
    if (variant.name.empty() || variant.name.find('/') != std::string::npos || variant.name[0] == '.') std::abort();
    if (!(variant.accuracy >= 0 && variant.accuracy <= 1)) std::abort();
    if (i > 0 && !(variant.accuracy < (*ladder)[i - 1].accuracy)) std::abort();
    if (variant.interval && !(variant.interval->low <= variant.accuracy && variant.accuracy <= variant.interval->high))
      std::abort();
  }
  return 0;
}
