#pragma once

#include <cstdint>

#include "engine/run_control.h"
#include "engine/yield_point.h"
#include "kernels/workers.h"

namespace tercel::engine {

class Pool;

// The yield point of one run, as the engine passes it: helpers go to sleep before the run is stopped, and the time that the run
// does not run is kept, so that nobody counts it as computing. The run's thread only.
class Pauses {
 public:
  // `pool`: whose helpers are awake for this run; null: none are.
  Pauses(const RunControl& control, Pool* pool) : point_(control.yield), pool_(control.rest_while_stopped ? pool : nullptr) {}

  bool has_point() const { return point_ != nullptr; }
  // Only where there is a point.
  void pass() {
    if (point_->is_asked()) stop();
  }
  bool has_stopped() const { return has_stopped_; }
  int64_t stopped_ns() const { return stopped_ns_; }

 private:
  void stop();

  YieldPoint* point_;
  Pool* pool_;
  int64_t stopped_ns_ = 0;
  bool has_stopped_ = false;
};

// The calling thread alone, which may be given away before each chunk.
class PausingWorkers final : public kernels::Workers {
 public:
  explicit PausingWorkers(Pauses& pauses) : pauses_(pauses) {}
  int count() const override { return 1; }
  bool may_pause() const override { return true; }
  void run(int chunks, FunctionRef<void(int, int)> task) override {
    for (int chunk = 0; chunk < chunks; ++chunk) {
      pauses_.pass();
      task(chunk, 0);
    }
  }

 private:
  Pauses& pauses_;
};

}  // namespace tercel::engine
