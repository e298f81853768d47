#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace tercel::platform {

// Keeps pages in memory (mlock): they are present, and stay however short memory gets. Pages that several locks of this process
// share stay until the last of them is gone. Release it before the memory is given back. From any thread.
class PageLock {
 public:
  using Bytes = std::span<const std::byte>;

  // Locks the pages under all of `ranges`, or none. The error says how many bytes were wanted, what the limit is and how to
  // raise it.
  static Result<PageLock> take(std::span<const Bytes> ranges);

  PageLock() = default;
  PageLock(PageLock&& other) noexcept;
  PageLock& operator=(PageLock&& other) noexcept;
  ~PageLock();

 private:
  struct Pages {
    uintptr_t begin, end;
  };
  void release();

  std::vector<Pages> locked_;
};

}  // namespace tercel::platform
