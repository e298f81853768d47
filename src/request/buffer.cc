#include "request/buffer.h"

#include <cstdlib>
#include <utility>

#include "base/checked.h"
#include "tensor/tensor.h"

namespace tercel::request {

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
    : budget_(other.budget_), data_(std::exchange(other.data_, nullptr)), capacity_(std::exchange(other.capacity_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this == &other) return *this;
  release();
  budget_ = other.budget_;
  data_ = std::exchange(other.data_, nullptr);
  capacity_ = std::exchange(other.capacity_, 0);
  return *this;
}

bool Buffer::reserve(size_t bytes) {
  if (bytes <= capacity_) return true;
  release();
  if (bytes > kBufferBytesMax) return false;
  const size_t rounded = align_up(bytes, 4096);
  if (budget_ && !budget_->take(rounded)) return false;
  data_ = static_cast<std::byte*>(std::aligned_alloc(kTensorAlignment, rounded + kBufferPadding));
  if (!data_) {
    if (budget_) budget_->give(rounded);
    return false;
  }
  capacity_ = rounded;
  return true;
}

void Buffer::release() {
  std::free(data_);
  if (budget_ && capacity_) budget_->give(capacity_);
  data_ = nullptr;
  capacity_ = 0;
}

}  // namespace tercel::request
