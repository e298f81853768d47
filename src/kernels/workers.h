#pragma once

#include "base/function_ref.h"

namespace tercel::kernels {

// The threads of one request, as kernels see them. The engine implements it over its pool; the caller's thread takes part.
// A kernel cuts its work into chunks whose bounds do not depend on count(), and each chunk writes its own part of the
// output with its own order of additions: so the bits do not depend on the number of threads.
class Workers {
 public:
  virtual ~Workers() = default;

  // Threads that may run chunks, including the caller's. Use it to choose whether to cut at all, never where.
  virtual int count() const = 0;

  // Whether somebody may want the caller's thread between two chunks: then a lone thread's work is cut too, where it is long.
  virtual bool may_pause() const { return false; }

  // Runs task(chunk, worker) for every chunk in 0..chunks-1 and returns when all are done; `worker` is in 0..count()-1
  // and no two chunks run with the same worker at once (index per-thread scratch with it). Chunks are idempotent, hold no
  // lock and own no memory: the engine may stop one anywhere and run it again from its start. Never called from within a
  // task. Does not allocate.
  virtual void run(int chunks, FunctionRef<void(int chunk, int worker)> task) = 0;
};

// Runs everything on the calling thread.
class SerialWorkers final : public Workers {
 public:
  int count() const override { return 1; }
  void run(int chunks, FunctionRef<void(int, int)> task) override {
    for (int chunk = 0; chunk < chunks; ++chunk) task(chunk, 0);
  }
};

}  // namespace tercel::kernels
