#include "engine/memory.h"

#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "base/checked.h"
#include "tensor/tensor.h"

namespace tercel::engine {

Result<void> MemoryBudget::take(size_t bytes) {
  if (bytes > max_ - used_)
    return too_large("the bound shapes need more than " + std::to_string(max_ >> 20) + " MiB (" + std::to_string(used_ >> 20) +
                     " MiB are in use, " + std::to_string(bytes) +
                     " bytes more are wanted): raise the memory limit of the session, "
                     "or use smaller shapes");
  used_ += bytes;
  return {};
}

Block::Block(Block&& other) noexcept
    : budget_(other.budget_), data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

void Block::swap(Block& other) noexcept {
  std::swap(budget_, other.budget_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
}

Block::~Block() { free(); }

void Block::free() {
  std::free(data_);
  budget_->give(bytes_);
  data_ = nullptr;
  bytes_ = 0;
}

Result<void> Block::ensure(size_t bytes) {
  if (data_ && bytes <= bytes_) return {};
  free();
  const size_t wanted = align_up(bytes + 1, kTensorAlignment);
  TRY(budget_->take(wanted));
  data_ = static_cast<std::byte*>(std::aligned_alloc(kTensorAlignment, wanted));
  if (!data_) {
    budget_->give(wanted);
    return Error(ErrorCode::kExhausted, "no memory for " + std::to_string(wanted) + " bytes");
  }
  std::memset(data_, 0, wanted);
  bytes_ = wanted;
  return {};
}

}  // namespace tercel::engine
