#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "base/result.h"
#include "kernels/workers.h"

namespace tercel::engine {

// The threads of one session. Helpers sleep between requests; within one they spin, so that handing them work costs a
// few hundred nanoseconds and no syscall. A request wakes them at most once, when its first step asks for workers.
//
// The caller's thread takes chunks like any helper. A helper that the system does not run claims none, so the caller then
// computes all of them itself: only a helper preempted in the middle of a chunk can hold a step up.
class Pool final : public kernels::Workers {
 public:
  // Most threads of a pool; more than any machine this runs on.
  static constexpr int kThreadsMax = 1024;

  // Starts `threads` - 1 helpers, named tercel-1, tercel-2, ..., with every signal blocked and denormals flushed.
  static Result<std::unique_ptr<Pool>> start(int threads);
  ~Pool() override;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Brackets one request, on the thread that then calls run(). `early` wakes the helpers at once: for requests that are
  // known to ask for them.
  void begin_request(bool early);
  // Lets the helpers go back to sleep. Returns whether the request had asked for workers.
  bool end_request();

  int count() const override { return static_cast<int>(helpers_.size()) + 1; }
  void run(int chunks, FunctionRef<void(int chunk, int worker)> task) override;

 private:
  using Task = FunctionRef<void(int, int)>;

  Pool() = default;
  void wake();
  void help(int worker);
  int take_chunks(int worker);

  // How helpers learn what there is to do. Separate cache lines: the counters are written by every thread.
  alignas(64) std::atomic<uint32_t> awake_{kAsleep};  // futex word
  alignas(64) std::atomic<int32_t> unclaimed_{0};     // chunks of the current job that nobody has taken
  alignas(64) std::atomic<int32_t> finished_{0};      // chunks of the current job that helpers have completed
  alignas(64) std::atomic<int32_t> sleeping_{0};      // helpers that are about to sleep, or do

  // The current job. Written by the caller while no chunk is unclaimed or running; read by who holds a chunk.
  const Task* task_ = nullptr;
  int chunks_ = 0;

  bool woken_ = false;  // in this request; the caller's alone
  std::vector<std::jthread> helpers_;

  static constexpr uint32_t kAsleep = 0, kAwake = 1, kStopping = 2;
};

}  // namespace tercel::engine
