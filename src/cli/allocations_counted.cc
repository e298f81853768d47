#include <atomic>
#include <cerrno>
#include <cstddef>

#include "cli/allocations.h"

// glibc's own entry points: what malloc would have been without the wrappers below.
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);
}

namespace {
std::atomic<uint64_t> g_count{0};
void count_one() { g_count.fetch_add(1, std::memory_order_relaxed); }
}  // namespace

extern "C" {

void* malloc(size_t bytes) {
  count_one();
  return __libc_malloc(bytes);
}

void* calloc(size_t count, size_t bytes) {
  count_one();
  return __libc_calloc(count, bytes);
}

void* realloc(void* block, size_t bytes) {
  count_one();
  return __libc_realloc(block, bytes);
}

void free(void* block) { __libc_free(block); }

void* memalign(size_t alignment, size_t bytes) {
  count_one();
  return __libc_memalign(alignment, bytes);
}

void* aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void** block, size_t alignment, size_t bytes) {
  *block = memalign(alignment, bytes);
  return *block ? 0 : ENOMEM;
}

}  // extern "C"

namespace tercel::cli {

uint64_t allocation_count() { return g_count.load(std::memory_order_relaxed); }
bool allocations_are_counted() { return true; }

}  // namespace tercel::cli
