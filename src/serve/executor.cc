#include "serve/executor.h"

#include <chrono>

#include "platform/clock.h"

namespace tercel::serve {
namespace {

// A scheduler knows a job by its address: unique while the job is queued or running, and no table is needed.
sched::RequestId id_of(const Job& job) { return reinterpret_cast<sched::RequestId>(&job); }
Job& job_of(sched::RequestId id) { return *reinterpret_cast<Job*>(id); }

// A late answer to a soft request is worth sending.
sched::TimeNs latest_start_of(const Job& job) {
  return job.terms.request_class == request::Class::kHard ? job.terms.deadline_ns : sched::kNever;
}

// Obeys one action: starts inside its window or fails the job. Returns the nanoseconds it computed.
int64_t run(const sched::Action& action, registry::Instance& instance) {
  Job& job = job_of(action.request);
  int64_t now = platform::now_ns();
  if (now < action.start_earliest_ns) { std::this_thread::sleep_for(std::chrono::nanoseconds(action.start_earliest_ns - now)); }
  now = job.clock.mark(request::Stage::kQueue);
  if (now > action.start_latest_ns) {
    job.error.emplace(ErrorCode::kDeadline, "the deadline passed while the request waited in the queue");
    return 0;
  }
  auto result = instance.run(job.request, job.reply);
  if (!result.ok()) job.error.emplace(result.error());
  return job.clock.mark(request::Stage::kCompute) - now;
}

}  // namespace

Executor::Executor(std::unique_ptr<sched::Scheduler> scheduler, const std::vector<std::unique_ptr<registry::Instance>>& instances,
                   int64_t compute_ns)
    : scheduler_(std::move(scheduler)), workers_(instances.size()), compute_ns_(compute_ns) {
  for (size_t i = 0; i < instances.size(); ++i) {
    workers_[i].instance = instances[i].get();
    workers_[i].thread = std::thread([this, i] { work(workers_[i]); });
  }
}

Executor::~Executor() {
  {
    const std::lock_guard lock(mutex_);
    check(scheduler_->queued() == 0 && scheduler_->running() == 0, "an executor goes while jobs are in it");
    stopping_ = true;
  }
  for (auto& worker : workers_) {
    worker.wake.notify_one();
    worker.thread.join();
  }
}

Result<Executor::Submitted> Executor::submit(Job& job) {
  job.error.reset();
  std::unique_lock lock(mutex_);
  const int64_t now = platform::now_ns();  // read under the lock: a scheduler's time never goes backwards
  const auto admitted = scheduler_->admit({id_of(job), job.clock.started_ns(), latest_start_of(job)}, now);
  if (!admitted.ok()) return admitted.error();
  const auto action = scheduler_->next(now);
  if (!action) return Submitted::kPending;
  if (action->request == id_of(job) && may_run_inline(job, *action)) {
    lock.unlock();
    const int64_t computed_ns = run(*action, *workers_[action->instance].instance);
    lock.lock();
    finish(*action, job, computed_ns);
    hand_out(platform::now_ns());
    return Submitted::kDone;
  }
  workers_[action->instance].action = action;
  workers_[action->instance].wake.notify_one();
  hand_out(now);
  return Submitted::kPending;
}

bool Executor::may_run_inline(const Job& job, const sched::Action& action) const {
  return compute_ns_ > 0 && compute_ns_ <= kInlineComputeNs && action.start_earliest_ns <= platform::now_ns() &&
         workers_[action.instance].instance->is_warm(job.request);
}

// A moving average over about eight requests: one slow run does not move a model off the fast way for long.
void Executor::finish(const sched::Action& action, const Job& job, int64_t computed_ns) {
  scheduler_->complete(action.instance, platform::now_ns());
  if (job.error) return;
  compute_ns_ = compute_ns_ == 0 ? computed_ns : compute_ns_ + (computed_ns - compute_ns_) / 8;
}

void Executor::hand_out(int64_t now_ns) {
  while (const auto action = scheduler_->next(now_ns)) {
    workers_[action->instance].action = action;
    workers_[action->instance].wake.notify_one();
  }
}

void Executor::work(Worker& worker) {
  std::unique_lock lock(mutex_);
  for (;;) {
    worker.wake.wait(lock, [&] { return worker.action || stopping_; });
    if (!worker.action) return;
    const sched::Action action = *worker.action;
    worker.action.reset();
    Job& job = job_of(action.request);
    lock.unlock();
    const int64_t computed_ns = run(action, *worker.instance);
    lock.lock();
    finish(action, job, computed_ns);
    hand_out(platform::now_ns());
    lock.unlock();
    job.done(job);  // the job, and with it the last reference to this executor's version, may go from here on
    lock.lock();
  }
}

Executor::Load Executor::load() const {
  const std::lock_guard lock(mutex_);
  return {scheduler_->queued(), scheduler_->running()};
}

int64_t Executor::compute_ns() const {
  const std::lock_guard lock(mutex_);
  return compute_ns_;
}

}  // namespace tercel::serve
