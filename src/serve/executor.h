#pragma once

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "registry/instance.h"
#include "sched/deadline_scheduler.h"
#include "serve/job.h"
#include "serve/runner.h"

namespace tercel::serve {

// A model that lately computed in less than this is computed on the thread that submits: waking another costs about 30 us,
// and the connections that share the thread wait no longer than this.
inline constexpr int64_t kInlineComputeNs = 200'000;

struct ExecutorOptions {
  uint32_t threads = 0;        // that compute at once, of all models together; 0: platform::usable_cpus()
  std::vector<int> cpus;       // that they may run on; empty: all. Where given, nothing is computed on a submitting thread.
  uint32_t queue_max = 16384;  // requests that may wait or be computed, of all models together
};

// Runs the requests of all models on one budget of threads, as a DeadlineScheduler decides: hard requests that cannot be in time
// are refused at once, the others wait in the order of their deadlines and share batches, what is less urgent gives its thread
// away to what is more, and a request that can no longer make it is told by a timer, before its deadline. Any thread may call.
// The scheduler decides under a lock; computing happens outside of it.
class Executor {
 public:
  enum class Submitted : uint8_t { kDone, kPending };
  struct Load {
    uint32_t queued = 0, computing = 0;   // requests, now
    uint64_t batches = 0, preempted = 0;  // since the model was added
  };
  struct ModelOptions {
    uint32_t queue_max = 256;  // of its requests that wait; hard ones have a third more
    sched::VariantPolicy policy = sched::VariantPolicy::kDegrade;
  };

  explicit Executor(const ExecutorOptions& options = {});
  // All models must have been removed.
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  uint32_t threads() const { return threads_; }
  uint32_t queue_max() const { return queue_max_; }

  // Schedules a model. Borrows it; it outlives remove(). Refused: a ladder that is not ordered, too many models, one that would
  // block reserved streams too long.
  [[nodiscard]] Result<sched::ModelId> add(const registry::OpenedModel& model, const ModelOptions& options);
  // None of its jobs may be here, and no reservation.
  void remove(sched::ModelId model);

  // Capacity for a stream of requests of the class guaranteed; refused by how much the test fails. `test`: what was counted.
  [[nodiscard]] Result<sched::StreamId> reserve(const sched::Reservation& reservation, sched::ReservationTest* test = nullptr);
  void release(sched::StreamId stream);
  double worst_margin() const { return scheduler_.worst_margin(); }  // that is added to worst cases

  // Computes `job`, now on the calling thread (kDone: its error or reply is set) or later on a thread of the executor
  // (kPending: job.done will be called). Refused: the job was not taken; job.refusal and job.retry_after_ns say more.
  // The excess of a reserved stream is hard from here on: job.terms says so.
  Result<Submitted> submit(sched::ModelId model, Job& job);
  // Nobody waits for a pending job any more. True: it waited, and is its owner's again; done will not be called. False: it is
  // computed or done, and done is or will be called; a batch that nobody waits for stops at its next step.
  bool withdraw(Job& job);

  Load load(sched::ModelId model) const;

 private:
  // Its free instances, by variant and group.
  struct Model {
    const registry::OpenedModel* opened = nullptr;
    std::vector<std::vector<std::vector<registry::Instance*>>> free;
    std::vector<int64_t> compute_ns;  // what a request alone lately took, by variant; 0: not known
    uint64_t batches = 0, preempted = 0;
  };
  // What came of asking the scheduler: threads to wake, jobs that expired (by Job::next), and the batch of the job that was
  // submitted, when it may be computed where that was done.
  struct Decided {
    Runner* wake = nullptr;  // by Runner::next
    Job* expired = nullptr;
    Runner* here = nullptr;
  };

  sched::Request request_of(Job& job, sched::ModelId model) const;
  std::span<const int> cpus_of(uint64_t slots) const;
  bool may_run_here(const Runner& runner, uint64_t slots) const;
  Decided decide(int64_t now_ns, const Job* submitted);                           // mutex_ held
  void prepare(Runner& runner, const sched::Decision& decision, int64_t now_ns);  // mutex_ held
  void finish(Runner& runner);                                                    // mutex_ held
  // Outside of the lock. True when `submitted` expired: it is told by returning.
  static bool carry_out(const Decided& decided, const Job* submitted);
  void work(Runner& runner);
  void yield(Runner& runner);
  void watch_time();

  const uint32_t threads_, queue_max_;
  const bool may_compute_here_;
  const std::vector<int> cpus_;
  mutable std::mutex mutex_;
  sched::DeadlineScheduler scheduler_;
  std::array<std::unique_ptr<Model>, sched::kModelsMax> models_;
  std::vector<std::unique_ptr<Runner>> runners_;  // by ExecutionId
  int64_t timer_at_ns_ = sched::kNever;           // when watch_time() looks next
  bool stopping_ = false;
  std::condition_variable timer_wake_;
  std::thread timer_;
};

}  // namespace tercel::serve
