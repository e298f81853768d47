#include "platform/pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "base/checked.h"

// Since Linux 5.14; older headers lack them.
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace tercel::platform {

namespace {

constexpr size_t kPageBytes = 4096;
constexpr size_t kHugePageBytes = size_t{2} << 20;
constexpr size_t kReserveBytesMin = size_t{16} << 20;

Error no_memory(size_t bytes) { return Error(ErrorCode::kExhausted, "no memory for " + std::to_string(bytes) + " bytes"); }

}  // namespace

Result<Pages> Pages::reserve(size_t bytes_max) {
  for (size_t bytes = std::max(align_up(bytes_max, kHugePageBytes), kReserveBytesMin); bytes >= kReserveBytesMin; bytes /= 2) {
    // A huge page more, so that the start can be aligned to one.
    void* p = mmap(nullptr, bytes + kHugePageBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) continue;
    const auto address = reinterpret_cast<uintptr_t>(p), aligned = align_up(address, kHugePageBytes);
    if (aligned > address) munmap(p, aligned - address);
    if (address + kHugePageBytes > aligned) munmap(reinterpret_cast<void*>(aligned + bytes), address + kHugePageBytes - aligned);
    return Pages(reinterpret_cast<std::byte*>(aligned), bytes);
  }
  return no_memory(bytes_max);
}

Pages::Pages(Pages&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), reserved_(other.reserved_), bytes_(std::exchange(other.bytes_, 0)) {}

Pages::~Pages() {
  if (data_) munmap(data_, reserved_);
}

Result<void> Pages::grow(size_t wanted) {
  if (wanted <= bytes_) return {};
  const size_t end = align_up(wanted, wanted >= 2 * kHugePageBytes ? kHugePageBytes : kPageBytes);
  if (end > reserved_ || end < wanted) return no_memory(wanted);
  std::byte* start = data_ + bytes_;
  const size_t more = end - bytes_;
  if (mprotect(start, more, PROT_READ | PROT_WRITE) != 0) return no_memory(wanted);
  if (end >= 2 * kHugePageBytes) madvise(data_, end, MADV_HUGEPAGE);
  if (madvise(start, more, MADV_POPULATE_WRITE) != 0)
    for (size_t i = 0; i < more; i += kPageBytes) start[i] = std::byte{0};
  bytes_ = end;
  return {};
}

void Pages::shrink(size_t wanted) {
  const size_t end = align_up(wanted, kHugePageBytes);
  if (end >= bytes_) return;
  madvise(data_ + end, bytes_ - end, MADV_DONTNEED);
  mprotect(data_ + end, bytes_ - end, PROT_NONE);
  bytes_ = end;
}

void prefault(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const auto start = reinterpret_cast<uintptr_t>(bytes.data()) / kPageBytes * kPageBytes;
  const auto end = align_up(reinterpret_cast<uintptr_t>(bytes.data()) + bytes.size(), kPageBytes);
  madvise(reinterpret_cast<void*>(start), end - start, MADV_POPULATE_READ);
}

}  // namespace tercel::platform
