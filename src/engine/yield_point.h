#pragma once

#include <atomic>

namespace tercel::engine {

// Where a run may be made to give its thread away for a while: between its steps, and in a run on one thread also between the
// chunks of a step. Whoever schedules asks; the computing thread then calls `stop`, which blocks for as long as it likes, or runs
// something else, and returns when the run may go on. The run's stack and its session's memory stay as they are meanwhile, so the
// session is still in use: running or binding it is refused, from within stop() too. Hand it to a run in RunControl::yield.
//
// May serve many runs, one after another. Outlives the run that it was given to.
class YieldPoint {
 public:
  // Called on the computing thread. Throws nothing.
  using Stop = void (*)(void* user);
  YieldPoint(Stop stop, void* user) : stop_(stop), user_(user) {}
  YieldPoint(const YieldPoint&) = delete;
  YieldPoint& operator=(const YieldPoint&) = delete;

  // Any thread: from the next yield point on, stop(user) is called. It sees what happened before ask().
  void ask() { asked_.store(true, std::memory_order_release); }
  // Any thread: not any more. stop() usually calls it. While it stays asked, stop() is called at every yield point: that is how
  // the longest distance between two of them is measured (longest_step.h).
  void clear() { asked_.store(false, std::memory_order_relaxed); }
  bool is_asked() const { return asked_.load(std::memory_order_relaxed); }

  // The computing thread, at a yield point: calls stop(user) when asked. Costs a relaxed load when not.
  void pass() {
    if (!is_asked()) return;
    std::atomic_thread_fence(std::memory_order_acquire);
    stop_(user_);
  }

 private:
  std::atomic<bool> asked_{false};
  const Stop stop_;
  void* const user_;
};

}  // namespace tercel::engine
