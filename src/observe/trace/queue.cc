#include "observe/trace/queue.h"

#include <algorithm>

namespace tercel::observe::trace {

// One place alone could not tell "filled" from "free in the next round".
Queue::Queue(size_t capacity) : capacity_(std::max<size_t>(capacity, 2)), places_(new Place[capacity_]) {
  for (size_t i = 0; i < capacity_; ++i) places_[i].turn.store(i, std::memory_order_relaxed);
}

bool Queue::push(const Span& span) {
  size_t at = next_in_.load(std::memory_order_relaxed);
  for (;;) {
    Place& place = places_[at % capacity_];
    const auto ahead = static_cast<std::ptrdiff_t>(place.turn.load(std::memory_order_acquire) - at);
    if (ahead < 0) return false;
    if (ahead > 0) {  // another thread has it already
      at = next_in_.load(std::memory_order_relaxed);
      continue;
    }
    if (!next_in_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
    place.span = span;
    place.turn.store(at + 1, std::memory_order_release);
    return true;
  }
}

bool Queue::pop(Span& span) {
  const size_t at = next_out_.load(std::memory_order_relaxed);
  Place& place = places_[at % capacity_];
  if (place.turn.load(std::memory_order_acquire) != at + 1) return false;
  span = place.span;
  place.turn.store(at + capacity_, std::memory_order_release);
  next_out_.store(at + 1, std::memory_order_relaxed);
  return true;
}

size_t Queue::size() const {
  const size_t out = next_out_.load(std::memory_order_relaxed), in = next_in_.load(std::memory_order_relaxed);
  return in > out ? in - out : 0;
}

}  // namespace tercel::observe::trace
