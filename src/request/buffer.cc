#include "request/buffer.h"

#include <cstdlib>
#include <utility>

#include "base/checked.h"
#include "tensor/tensor.h"

namespace tercel::request {
namespace {

inline constexpr size_t kPageBytes = 4096;

}  // namespace

bool Budget::take(size_t bytes) {
  const auto wanted = static_cast<int64_t>(bytes);
  if (wanted < 0) return false;
  int64_t left = left_.load(std::memory_order_relaxed);
  while (left >= wanted) {
    if (left_.compare_exchange_weak(left, left - wanted, std::memory_order_relaxed)) return true;
  }
  return false;
}

Buffer::Buffer(Buffer&& other) noexcept
    : budget_(other.budget_),
      data_(std::exchange(other.data_, nullptr)),
      capacity_(std::exchange(other.capacity_, 0)),
      claimed_(std::exchange(other.claimed_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this == &other) return *this;
  release();
  budget_ = other.budget_;
  data_ = std::exchange(other.data_, nullptr);
  capacity_ = std::exchange(other.capacity_, 0);
  claimed_ = std::exchange(other.claimed_, 0);
  return *this;
}

bool Buffer::reserve(size_t bytes) {
  if (bytes <= claimed_) return true;
  if (reserve_unclaimed(bytes) && claim(capacity_)) return true;
  release();
  return false;
}

bool Buffer::reserve_unclaimed(size_t bytes) {
  if (bytes <= capacity_) return true;
  release();
  if (bytes > kBufferBytesMax) return false;
  const size_t rounded = align_up(bytes, kPageBytes);
  data_ = static_cast<std::byte*>(std::aligned_alloc(kTensorAlignment, rounded + kBufferPadding));
  if (!data_) return false;
  capacity_ = rounded;
  return true;
}

bool Buffer::claim(size_t bytes) {
  const size_t rounded = align_up(bytes, kPageBytes);
  if (rounded <= claimed_) return true;
  if (budget_ && !budget_->take(rounded - claimed_)) return false;
  claimed_ = rounded;
  return true;
}

void Buffer::release() {
  std::free(data_);
  if (budget_ && claimed_) budget_->give(claimed_);
  data_ = nullptr;
  capacity_ = claimed_ = 0;
}

}  // namespace tercel::request
