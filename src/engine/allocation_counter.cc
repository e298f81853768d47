#include "engine/allocation_counter.h"

#include <atomic>
#include <cerrno>
#include <cstddef>

namespace tercel::engine {

namespace {
std::atomic<uint64_t> count{0};
}

uint64_t allocations() { return count.load(std::memory_order_relaxed); }

}  // namespace tercel::engine

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

bool tercel::engine::counts_allocations() { return false; }

#else

bool tercel::engine::counts_allocations() { return true; }

// The names under which the GNU C library keeps its own allocator reachable.
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

static void note() { tercel::engine::count.fetch_add(1, std::memory_order_relaxed); }

void* malloc(size_t bytes) {
  note();
  return __libc_malloc(bytes);
}
void* calloc(size_t n, size_t bytes) {
  note();
  return __libc_calloc(n, bytes);
}
void* realloc(void* p, size_t bytes) {
  note();
  return __libc_realloc(p, bytes);
}
void* memalign(size_t alignment, size_t bytes) {
  note();
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) {
  note();
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** p, size_t alignment, size_t bytes) {
  note();
  *p = __libc_memalign(alignment, bytes);
  return *p ? 0 : ENOMEM;
}
}

#endif
