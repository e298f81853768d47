#pragma once

#include <atomic>
#include <memory>

#include "observe/trace/span.h"

namespace tercel::observe::trace {

// Spans on their way from request threads to the one that sends them: the bounded queue of Dmitry Vyukov ("Bounded MPMC queue",
// 1024cores.net), where each place says by a number of its own whose turn it is. Nobody waits: a full queue takes nothing. All
// memory is taken when it is made.
class Queue {
 public:
  explicit Queue(size_t capacity);  // at least 2

  // Any thread. False when there is no room.
  bool push(const Span& span);
  // One thread. False when there is nothing.
  bool pop(Span& span);
  // About how many are in it. Any thread.
  size_t size() const;

 private:
  struct Place {
    std::atomic<size_t> turn;  // its index plus the rounds so far: free; one more: filled
    Span span;
  };
  const size_t capacity_;
  const std::unique_ptr<Place[]> places_;
  alignas(64) std::atomic<size_t> next_in_{0};
  alignas(64) std::atomic<size_t> next_out_{0};
};

}  // namespace tercel::observe::trace
