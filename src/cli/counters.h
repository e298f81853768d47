#pragma once

#include <cstdint>

namespace tercel::cli {

// What this process has asked of the allocator and the kernel so far, for figures "per run".
// Under a sanitizer, which owns malloc, allocations stay 0 and counts_allocations() says so.
struct Counters {
  uint64_t allocations = 0;  // malloc, calloc, realloc, aligned_alloc, operator new: all threads
  uint64_t page_faults = 0;  // minor and major
};
Counters read_counters();
bool counts_allocations();

// The process' peak resident set so far, in bytes.
uint64_t peak_resident_bytes();

}  // namespace tercel::cli
