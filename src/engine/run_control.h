#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "engine/yield_point.h"

namespace tercel::engine {

// What a caller may ask of one run. Everything is optional and is read only during the run.
struct RunControl {
  // Read at step boundaries and loop iterations: once true, the run stops with kCancelled. May be set by any thread.
  const std::atomic<bool>* cancel = nullptr;
  // On platform::now_ns(); 0: none. Read where `cancel` is: once it has passed, the run stops with kDeadline. A run whose
  // last step ends late delivers all the same; who asked can compare the clock.
  int64_t deadline_ns = 0;
  // Receives the nanoseconds of each step, in the order of Session::steps(), as far as there is room. Costs a reading of
  // the clock per step.
  std::span<int64_t> step_ns = {};
  // Passed where `cancel` is read, just before it, and in a run on one thread also between the chunks of a step: where it is
  // asked, the run gives its thread away (yield_point.h). A run that comes back after its deadline stops. What it did not run
  // counts neither in `step_ns` nor in Session::latency(), which leaves such runs out.
  YieldPoint* yield = nullptr;
  // The helper threads sleep while the run is stopped, and are woken once more when it goes on. False: they stay awake, for a
  // `yield` that returns at once.
  bool rest_while_stopped = true;
};

}  // namespace tercel::engine
