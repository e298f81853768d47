#pragma once

#include <cstdint>

namespace tercel::engine {

// Heap allocations of this process so far: malloc and all its relatives, operator new included. For tests only: linking
// allocation_counter.cc puts itself in front of the C library's.
uint64_t allocations();

// False under sanitizers, which bring allocators of their own: nothing is counted there.
bool counts_allocations();

}  // namespace tercel::engine
