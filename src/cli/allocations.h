#pragma once

#include <cstdint>

namespace tercel::cli {

// Calls of the allocator since the start. One of two sources is linked: allocations_counted.cc wraps malloc,
// allocations_uncounted.cc stands in where a sanitizer owns it.
uint64_t allocation_count();
bool allocations_are_counted();

}  // namespace tercel::cli
