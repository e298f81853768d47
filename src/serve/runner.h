#pragma once

#include <atomic>
#include <semaphore>
#include <span>
#include <thread>
#include <vector>

#include "engine/yield_point.h"
#include "registry/instance.h"
#include "sched/types.h"
#include "serve/batch.h"

namespace tercel::serve {

class Executor;

// One batch from its start to its end, with a thread that computes it: where it was preempted the thread sleeps in the middle of
// the run, its instance and all that was computed so far kept. An executor has one for each execution that may run or have
// yielded.
class Runner {
 public:
  // `stop(this)` is called on the computing thread when the batch was asked to yield.
  Runner(sched::ExecutionId id, Executor& owner, engine::YieldPoint::Stop stop)
      : execution(id), executor(owner), yield(stop, this) {
    jobs.reserve(sched::kBatchRowsMax);
  }

  // Wakes the thread, on `cpus`.
  void start();

  // Computes the jobs, all as one or, where that fails, each alone: none pays for another's input. Sets their errors or replies.
  void compute();

  const sched::ExecutionId execution;
  Executor& executor;
  // Of the batch; set under the executor's lock before the thread is woken.
  std::vector<Job*> jobs;
  registry::Instance* instance = nullptr;
  sched::ModelId model = 0;
  uint32_t variant = 0, group = 0, rows = 0;
  bool counts = true;         // what it takes says what others will take
  std::span<const int> cpus;  // of the slots that it has, the executor's; empty: wherever it runs already
  int64_t decided_ns = 0;
  int64_t stopped_ns = 0;                // how long it had yielded, altogether
  int64_t expected_ns = 0;               // what it was thought to take
  int64_t worthless_ns = sched::kNever;  // nobody wants an answer that comes later
  Runner* next = nullptr;                // the executor's
  bool has_yielded = false;              // under the executor's lock
  bool is_borrowed = false;              // computed by a thread that submitted, which cannot sleep: it does not yield
  bool leaves = false;                   // the thread ends

  std::atomic<bool> cancelled{false};
  engine::YieldPoint yield;
  std::binary_semaphore wake{0};
  std::thread thread;

 private:
  Result<void> run(const request::InferRequest& request, request::InferReply& reply);
  Result<void> run_together();
  void run_each();

  Batch batch_;
  std::span<const int> kept_on_;
};

}  // namespace tercel::serve
