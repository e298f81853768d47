#pragma once

#include <cstddef>
#include <new>

namespace tercel::transport::http {

// Room for the one asynchronous operation that a connection has under way, so that Asio allocates nothing per request.
class HandlerMemory {
 public:
  void* allocate(size_t bytes) {
    if (in_use_ || bytes > sizeof storage_) return ::operator new(bytes);
    in_use_ = true;
    return storage_;
  }
  void deallocate(void* pointer) {
    if (pointer == storage_) in_use_ = false;
    else ::operator delete(pointer);
  }

 private:
  alignas(std::max_align_t) std::byte storage_[512];
  bool in_use_ = false;
};

// The allocator that hands HandlerMemory to Asio.
template <typename T>
struct HandlerAllocator {
  using value_type = T;
  explicit HandlerAllocator(HandlerMemory& source) : memory(&source) {}
  template <typename U>
  HandlerAllocator(const HandlerAllocator<U>& other) : memory(other.memory) {}
  T* allocate(size_t n) { return static_cast<T*>(memory->allocate(n * sizeof(T))); }
  void deallocate(T* pointer, size_t) { memory->deallocate(pointer); }
  template <typename U>
  bool operator==(const HandlerAllocator<U>& other) const {
    return memory == other.memory;
  }

  HandlerMemory* memory;
};

}  // namespace tercel::transport::http
