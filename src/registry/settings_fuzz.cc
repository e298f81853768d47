#include <cstdint>
#include <cstdlib>

#include "registry/settings.h"

// Any text either is the settings of a model or is refused with the file and a reason. Corpus: fuzz/corpus/settings.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto settings = tercel::registry::parse_settings({reinterpret_cast<const char*>(data), size}, "model.toml");
  if (!settings.ok() && settings.error().message().find("model.toml") == std::string::npos) std::abort();
  if (settings.ok() && settings->time.default_us > settings->time.max_us) std::abort();
  return 0;
}
