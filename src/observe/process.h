#pragma once

#include <cstdint>

namespace tercel::observe {

// What this process uses of the machine. Zero where /proc does not say.
struct ProcessUsage {
  uint64_t resident_bytes = 0;
  uint64_t open_files = 0;
  double cpu_seconds = 0;
};
ProcessUsage process_usage();

}  // namespace tercel::observe
