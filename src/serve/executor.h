#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "registry/instance.h"
#include "sched/deadline_scheduler.h"
#include "serve/job.h"

namespace tercel::serve {

// A model that lately computed in less than this is computed on the thread that submits: waking another costs about 30 us,
// and the connections that share the thread wait no longer than this.
inline constexpr int64_t kInlineComputeNs = 200'000;

// Runs the requests of one version on its instances, one thread each, as a DeadlineScheduler decides: hard requests that cannot
// be in time are refused at once, the others wait in the order of their deadlines, and one that can no longer make it is told by
// a timer, before its deadline. Any thread may submit. The scheduler decides under a lock; computing happens outside of it.
class Executor {
 public:
  enum class Submitted : uint8_t { kDone, kPending };
  struct Load {
    uint32_t queued = 0, running = 0;
  };

  // Borrows the instances, at most sched::kSlotsMax, which outlive it. `queue_max`: requests that may wait; hard ones have a
  // third more. `compute_ns` is the expected time of one request (0: not known, nothing is computed on a submitting thread, and
  // nothing refused for its deadline, until it was measured).
  Executor(uint32_t queue_max, const std::vector<std::unique_ptr<registry::Instance>>& instances, int64_t compute_ns);
  // All jobs must be done.
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Computes `job`, now on the calling thread (kDone: its error or reply is set) or later on a thread of the executor
  // (kPending: job.done will be called). Refused: the job was not taken; job.refusal and job.retry_after_ns say more.
  Result<Submitted> submit(Job& job);

  Load load() const;
  int64_t compute_ns() const;  // what one request lately took

 private:
  // A start that the scheduler decided, on its way to an instance.
  struct Start {
    Job* job = nullptr;
    sched::ExecutionId execution = sched::kNone;
    int64_t decided_ns = 0, latest_ns = sched::kNever;
  };
  struct Worker {
    registry::Instance* instance = nullptr;
    Start start;
    std::condition_variable wake;
    std::thread thread;
  };
  // What came of asking the scheduler: the start of the job that was submitted, when it may be computed here, and the jobs that
  // expired, by Job::next.
  struct Decided {
    Start here;
    registry::Instance* instance = nullptr;
    Job* expired = nullptr;
  };

  bool may_run_inline(const Job& job, const registry::Instance& instance) const;
  Decided decide(int64_t now_ns, const Job* submitted);  // mutex_ held
  void finish(const Start& start, bool was_warm);        // mutex_ held
  static bool tell_expired(Job* expired, const Job* submitted);
  void work(Worker& worker);
  void watch_time();

  mutable std::mutex mutex_;
  sched::DeadlineScheduler scheduler_;
  sched::ModelId model_ = 0;
  std::vector<Worker> workers_;  // by slot; never resized
  int64_t compute_ns_;
  int64_t timer_at_ns_ = sched::kNever;  // when watch_time() looks next
  bool stopping_ = false;
  std::condition_variable timer_wake_;
  std::thread timer_;
};

}  // namespace tercel::serve
