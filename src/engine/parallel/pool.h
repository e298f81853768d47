#pragma once

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "base/result.h"
#include "engine/parallel/quota_watch.h"
#include "kernels/workers.h"
#include "platform/page_lock.h"

namespace tercel::engine {

// The threads of one session. Helpers sleep between requests; within one they spin, so that handing them work costs a
// few hundred nanoseconds and no syscall. A request wakes them at most once, when its first step asks for workers. Where
// requests follow each other closely they may linger awake for some 50 us, so that the next one finds them there.
//
// The caller's thread takes chunks like any helper, and never depends on one: a helper that the system does not run claims
// none, and one that was preempted in the middle of a chunk has it taken back (interrupt.h) and computed by the caller, once
// it is late by more than chunks take. So a run is never slower than on one thread by more than a few chunks, whoever else
// wants the cores.
class Pool final : public kernels::Workers {
 public:
  // Most threads of a pool; more than any machine this runs on.
  static constexpr int kThreadsMax = 1024;

  // Starts `threads` - 1 helpers, named tercel-1, tercel-2, ..., with every signal blocked (but the one that takes chunks
  // back) and denormals flushed. `take_back` false: a preempted helper is waited for. `quota`: what usable() follows; null:
  // nothing.
  static Result<std::unique_ptr<Pool>> start(int threads, bool take_back = true,
                                             std::shared_ptr<const QuotaWatch> quota = nullptr);
  ~Pool() override;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Keeps in memory what helpers use while they run chunks, for the life of the pool.
  Result<void> lock_memory();

  // Threads that the CPU quota keeps running now, of those there are. A request wakes no more; for one there is nothing to
  // wake, and the caller had better not use the pool.
  int usable() const { return quota_ ? std::min(count(), quota_->threads()) : count(); }
  // Periods in which the system stopped this process for having used its quota up, as of the last second.
  uint64_t throttled() const { return quota_ ? quota_->throttled() : 0; }

  // Brackets one request, on the thread that then calls run(). `early` wakes the helpers at once: for requests that are
  // known to ask for them. Returns whether the helpers are awake.
  bool begin_request(bool early);
  // Lets the helpers go back to sleep, at once or, with `linger`, when no request follows soon; the latter wakes them where
  // they sleep. Returns whether the request had asked for workers.
  bool end_request(bool linger = false);
  // Within a request, between two jobs: lets the helpers sleep at once. The next job wakes them again.
  void rest();

  int count() const override { return static_cast<int>(helpers_.size()) + 1; }
  void run(int chunks, FunctionRef<void(int chunk, int worker)> task) override { run_job(chunks, task, true); }

  // The same threads for steps that write where they read: a chunk of theirs cannot run twice, so it is waited for.
  kernels::Workers& for_in_place() { return in_place_; }

  // Chunks that were taken back from helpers so far.
  uint64_t chunks_taken_back() const { return taken_back_; }

 private:
  using Task = FunctionRef<void(int, int)>;

  class InPlace final : public kernels::Workers {
   public:
    explicit InPlace(Pool& pool) : pool_(pool) {}
    int count() const override { return pool_.count(); }
    void run(int chunks, Task task) override { pool_.run_job(chunks, task, false); }

   private:
    Pool& pool_;
  };

  struct alignas(64) Helper {
    std::atomic<bool> inside{false};  // it may hold a chunk
    std::atomic<pid_t> thread{0};
    const std::byte* stack_end = nullptr;  // what its chunks may use lies above
    std::jthread running;
    platform::PageLock stack_lock;
  };

  Pool();
  void wake();
  void wake_sleepers();
  void help(int worker);
  void help_while_awake(int worker);
  void leave(int cpu) const;
  int take_chunks(int worker);
  void run_job(int chunks, Task task, bool repeatable);
  bool wait_for_helpers(int chunks, uint64_t patience);
  void take_back(int chunks);

  // How helpers learn what there is to do. Separate cache lines: the counters are written by every thread.
  alignas(64) std::atomic<uint32_t> awake_{kAsleep};  // futex word
  alignas(64) std::atomic<int32_t> unclaimed_{0};     // chunks of the current job that nobody has taken
  alignas(64) std::atomic<int32_t> finished_{0};      // chunks of the current job that helpers have completed
  alignas(64) std::atomic<int32_t> sleeping_{0};      // helpers that are about to sleep, or do

  std::atomic<int> caller_cpu_{-1};  // where the caller was when it last made work

  // The current job. Written by the caller while no chunk is unclaimed or running; read by who holds a chunk.
  const Task* task_ = nullptr;
  int chunks_ = 0;
  uint32_t job_ = 0;
  // Which job last completed each chunk: what take_back() need not compute again.
  static constexpr int kTrackedChunksMax = 4096;  // jobs of more are waited for
  std::unique_ptr<std::atomic<uint32_t>[]> completed_by_;

  // Of this request; the caller's alone.
  bool woken_ = false, asked_ = false;
  bool can_take_back_ = false;
  pid_t process_ = 0;
  cpu_set_t allowed_;  // CPUs of the thread that started the pool
  std::shared_ptr<const QuotaWatch> quota_;
  uint64_t taken_back_ = 0;
  InPlace in_place_{*this};
  std::vector<std::unique_ptr<Helper>> helpers_;
  platform::PageLock lock_;

  static constexpr uint32_t kAsleep = 0, kAwake = 1, kStopping = 2, kLingering = 3;
};

}  // namespace tercel::engine
