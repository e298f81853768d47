#include <cstdlib>

#include "observe/trace/collector.h"

// An answer is understood once it is whole, the same however it arrives; what is understood is a status. A URL that is taken can
// be asked for without smuggling a line in.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace trace = tercel::observe::trace;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto whole = trace::parse_collector_answer(text);
  const auto part = trace::parse_collector_answer(text.substr(0, size / 2));
  if (part.ok() && *part && (!whole.ok() || !*whole || (*whole)->status != (*part)->status)) std::abort();
  if (whole.ok() && *whole && ((*whole)->status < 200 || (*whole)->status > 999)) std::abort();
  const auto collector = trace::parse_collector(text);
  if (!collector.ok()) return 0;
  const std::string parts = collector->path + collector->authority;
  if (collector->host.empty() || collector->path[0] != '/' || parts.find_first_of(" \r\n") != parts.npos) std::abort();
  return 0;
}
