#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "registry/instance.h"
#include "sched/scheduler.h"
#include "serve/job.h"

namespace tercel::serve {

// A model that lately computed in less than this is computed on the thread that submits: waking another costs about 30 us,
// and the connections that share the thread wait no longer than this.
inline constexpr int64_t kInlineComputeNs = 200'000;

// Runs the requests of one version on its instances, one thread each, in the order that a scheduler gives. Any thread may
// submit. The scheduler decides under a lock; computing happens outside of it.
class Executor {
 public:
  enum class Submitted : uint8_t { kDone, kPending };
  struct Load {
    uint32_t queued = 0, running = 0;
  };

  // Takes the scheduler; borrows the instances, which outlive it. `compute_ns` is the expected time of one request (0: not
  // known, nothing is computed on a submitting thread until it was measured).
  Executor(std::unique_ptr<sched::Scheduler> scheduler, const std::vector<std::unique_ptr<registry::Instance>>& instances,
           int64_t compute_ns);
  // All jobs must be done.
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Computes `job`, now on the calling thread (kDone: its error or reply is set) or later on a thread of the executor
  // (kPending: job.done will be called). Refused: the job was not taken.
  Result<Submitted> submit(Job& job);

  Load load() const;
  int64_t compute_ns() const;  // what one request lately took

 private:
  struct Worker {
    registry::Instance* instance = nullptr;
    std::optional<sched::Action> action;
    std::condition_variable wake;
    std::thread thread;
  };

  bool may_run_inline(const Job& job, const sched::Action& action) const;
  void finish(const sched::Action& action, const Job& job, int64_t computed_ns);  // mutex_ held
  void hand_out(int64_t now_ns);                                                  // mutex_ held
  void work(Worker& worker);

  mutable std::mutex mutex_;
  const std::unique_ptr<sched::Scheduler> scheduler_;
  std::vector<Worker> workers_;  // by InstanceId; never resized
  int64_t compute_ns_;
  bool stopping_ = false;
};

}  // namespace tercel::serve
