#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"

namespace tercel::platform {

// A reserved range of addresses whose first part is backed by memory. It grows without moving, so pointers into it stay
// good. Memory is present when grow() returns (no page fault later), in huge pages where the system grants them.
class Pages {
 public:
  // Reserves addresses only; takes less than `bytes_max` when the process may not have that many.
  static Result<Pages> reserve(size_t bytes_max);
  Pages(Pages&& other) noexcept;
  Pages& operator=(Pages&& other) = delete;
  ~Pages();

  std::byte* data() const { return data_; }
  size_t bytes() const { return bytes_; }  // backed so far
  Result<void> grow(size_t bytes);         // to at least `bytes`; never shrinks
  void shrink(size_t bytes);               // gives memory past `bytes` back to the system; the addresses stay reserved

 private:
  Pages(std::byte* data, size_t reserved) : data_(data), reserved_(reserved) {}

  std::byte* data_;
  size_t reserved_;
  size_t bytes_ = 0;
};

// Makes the pages under `bytes` present for reading, where the system can: a hint, never an error.
void prefault(std::span<const std::byte> bytes);

}  // namespace tercel::platform
