#pragma once

#include <atomic>

#include "engine/turn.h"
#include "module/errors.h"

namespace tercel::python {

// Held while a call uses a session, so that what it binds, runs and copies out belongs together: the GIL is released in
// between. A second call at the same time raises InvalidError. Made and destroyed with the GIL held.
class Turn {
 public:
  explicit Turn(std::atomic<bool>& busy) : turn_(busy) {
    if (!turn_.mine())
      raise(
          invalid("this session is in use by another thread: give each thread a tercel.Session of its own, opened from the "
                  "same tercel.Plan; they share its weights"));
  }

 private:
  engine::Turn turn_;
};

}  // namespace tercel::python
