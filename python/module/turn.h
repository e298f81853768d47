#pragma once

#include <atomic>

#include "module/errors.h"

namespace tercel::python {

// Held while a call uses a session, so that what it binds, runs and copies out belongs together: the GIL is released in
// between. A second call at the same time raises InvalidError. Made and destroyed with the GIL held.
class Turn {
 public:
  explicit Turn(std::atomic<bool>& busy) : busy_(busy) {
    if (busy.exchange(true, std::memory_order_acquire))
      raise(
          invalid("this session is in use by another thread: give each thread a tercel.Session of its own, opened from the "
                  "same tercel.Plan; they share its weights"));
  }
  ~Turn() { busy_.store(false, std::memory_order_release); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  std::atomic<bool>& busy_;
};

}  // namespace tercel::python
