#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tercel::request {

// How many bytes all buffers that share it may hold together. Any thread.
class Budget {
 public:
  explicit Budget(size_t bytes) : left_(static_cast<int64_t>(bytes)) {}
  // False, and nothing taken, when less than `bytes` is left.
  bool take(size_t bytes);
  void give(size_t bytes) { left_.fetch_add(static_cast<int64_t>(bytes), std::memory_order_relaxed); }
  int64_t left() const { return left_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> left_;
};

// More than any request may hold; keeps sums of sizes far from overflow.
inline constexpr size_t kBufferBytesMax = size_t{1} << 38;

// Uninitialised bytes aligned to kTensorAlignment, with kBufferPadding readable bytes behind the capacity. Grows, never
// shrinks until release(), so a warm buffer allocates nothing. One thread at a time. `budget`, when given, outlives it.
class Buffer {
 public:
  explicit Buffer(Budget* budget = nullptr) : budget_(budget) {}
  ~Buffer() { release(); }
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;

  // At least `bytes` of room; what was in it is lost when it has to grow. False when memory or budget is short (the
  // buffer is then empty).
  [[nodiscard]] bool reserve(size_t bytes);
  // The same, for what may never come: of the budget it takes nothing until claim(). Memory that is not written to is only an
  // address.
  [[nodiscard]] bool reserve_unclaimed(size_t bytes);
  // Takes the budget's share of the first `bytes` of the capacity, unless it is taken. False, and nothing taken, when it is
  // short.
  [[nodiscard]] bool claim(size_t bytes);
  void release();

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  size_t capacity() const { return capacity_; }
  size_t claimed() const { return claimed_; }

 private:
  Budget* budget_;
  std::byte* data_ = nullptr;
  size_t capacity_ = 0, claimed_ = 0;
};

// JSON parsing reads a little past the end.
inline constexpr size_t kBufferPadding = 64;

}  // namespace tercel::request
