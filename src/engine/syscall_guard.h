#pragma once

#include "base/function_ref.h"

namespace tercel::engine {

// What a process did that ran `body` with syscalls forbidden.
struct GuardedRun {
  bool finished = false;  // false: it made a forbidden syscall, or died otherwise
  long wakes = 0;         // FUTEX_WAKE calls
};

// Runs `prepare` and then `body` in a child process. During `body` every syscall of every thread kills the child, but for
// waiting on a futex, offering or leaving a CPU (helpers do), for taking chunks back from helpers that others keep from running,
// and for futex wakes, which are counted. For tests only.
GuardedRun run_without_syscalls(FunctionRef<void()> prepare, FunctionRef<void()> body);

}  // namespace tercel::engine
