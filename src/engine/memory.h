#pragma once

#include <cstddef>
#include <memory>

#include "base/result.h"

namespace tercel::engine {

// What a session may still allocate for bound shapes. Not shared between threads.
class MemoryBudget {
 public:
  explicit MemoryBudget(size_t bytes_max) : max_(bytes_max) {}

  Result<void> take(size_t bytes);
  void give(size_t bytes) { used_ -= bytes; }
  size_t used() const { return used_; }
  size_t max() const { return max_; }

 private:
  size_t max_, used_ = 0;
};

// Memory at kTensorAlignment, counted in a budget and present (no page fault later). The budget outlives it.
class Block {
 public:
  explicit Block(MemoryBudget& budget) : budget_(&budget) {}
  Block(Block&& other) noexcept;
  Block& operator=(Block&& other) = delete;
  ~Block();

  // At least `bytes`; contents are lost when it has to grow.
  Result<void> ensure(size_t bytes);
  void swap(Block& other) noexcept;
  std::byte* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  void free();

  MemoryBudget* budget_;
  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace tercel::engine
