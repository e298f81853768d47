#include "cli/counters.h"

#include <sys/resource.h>

#include "cli/allocations.h"

namespace tercel::cli {

Counters read_counters() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {allocation_count(), static_cast<uint64_t>(usage.ru_minflt + usage.ru_majflt)};
}

bool counts_allocations() { return allocations_are_counted(); }

uint64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace tercel::cli
