#include "driver/memory.h"

#include <fstream>
#include <string>

namespace tercel::peers {

void write_memory(JsonWriter& json) {
  std::ifstream file("/proc/self/smaps_rollup");
  int64_t rss = -1, pss = 0, own = 0;
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string name = line.substr(0, colon);
    const int64_t bytes = std::strtoll(line.c_str() + colon + 1, nullptr, 10) * 1024;
    if (name == "Rss") rss = bytes;
    if (name == "Pss") pss = bytes;
    if (name == "Private_Clean" || name == "Private_Dirty") own += bytes;
  }
  if (rss < 0) return void(json.null());
  json.begin_object().field("rss", rss).field("pss", pss).field("private", own).end_object();
}

}  // namespace tercel::peers
