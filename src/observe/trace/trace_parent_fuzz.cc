#include <cstdlib>

#include "observe/trace/context.h"

// What is understood is valid, and written down again it is what was read.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace trace = tercel::observe::trace;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parent = trace::parse_parent(text);
  if (!parent) return 0;
  if (!parent->is_valid() || text.size() < 55 || (text.size() > 55 && (text.starts_with("00") || text[55] != '-'))) std::abort();
  if (text.substr(3, 32) != trace::text_of(parent->trace) || text.substr(36, 16) != trace::span_text(parent->span)) std::abort();
  return 0;
}
