#include "serve/executor.h"

#include <bit>
#include <chrono>
#include <utility>

#include "platform/clock.h"

namespace tercel::serve {
namespace {

// Where nothing is known, nothing is refused: the first runs say what a request takes.
constexpr int64_t kUnknownComputeNs = 1000;

// A scheduler knows a job by its address: unique while the job is queued or running, and no table is needed.
sched::RequestId id_of(const Job& job) { return reinterpret_cast<sched::RequestId>(&job); }
Job& job_of(sched::RequestId id) { return *reinterpret_cast<Job*>(id); }

// A scheduler counts those that run. A quarter of its room is for hard requests alone.
sched::SchedulerOptions options_of(uint32_t queue_max, size_t instances) {
  const uint32_t room = queue_max + static_cast<uint32_t>(instances);
  return {.slots = static_cast<uint32_t>(instances), .queue_max = room + room / 3, .soft_max = room, .bulk_max = room};
}

sched::ModelOptions model_of(int64_t compute_ns) {
  const int64_t cost = compute_ns > 0 ? compute_ns : kUnknownComputeNs;
  sched::VariantOptions variant;
  variant.costs.push_back({.threads = 1, .rows = 1, .p50_ns = cost, .p99_ns = cost});
  sched::ModelOptions model;
  model.variants.push_back(std::move(variant));
  return model;
}

sched::Request request_of(const Job& job, sched::ModelId model) {
  sched::Request request;
  request.id = id_of(job);
  request.model = model;
  request.cls = job.terms.request_class;
  request.arrival_ns = job.clock.started_ns();
  request.deadline_ns = job.terms.deadline_ns;
  return request;
}
static_assert(sched::kNever == request::kNoDeadline);

Error refused(const sched::Admission& admission) {
  const bool is_past = admission.refusal == sched::Refusal::kPast;
  return Error(is_past ? ErrorCode::kDeadline : ErrorCode::kExhausted, sched::refusal_text(admission.refusal));
}

// Computes, unless it is too late by now.
void run(int64_t latest_ns, registry::Instance& instance, Job& job) {
  if (job.clock.mark(request::Stage::kQueue) > latest_ns) {
    job.error.emplace(ErrorCode::kDeadline, "the deadline passed while the request waited in the queue");
    return;
  }
  auto result = instance.run(job.request, job.reply);
  if (!result.ok()) job.error.emplace(result.error());
  job.clock.mark(request::Stage::kCompute);
}

}  // namespace

Executor::Executor(uint32_t queue_max, const std::vector<std::unique_ptr<registry::Instance>>& instances, int64_t compute_ns)
    : scheduler_(options_of(queue_max, instances.size())), workers_(instances.size()), compute_ns_(compute_ns) {
  model_ = scheduler_.add_model(model_of(compute_ns)).take();
  for (size_t i = 0; i < instances.size(); ++i) {
    workers_[i].instance = instances[i].get();
    workers_[i].thread = std::thread([this, i] { work(workers_[i]); });
  }
  timer_ = std::thread([this] { watch_time(); });
}

Executor::~Executor() {
  {
    const std::lock_guard lock(mutex_);
    check(scheduler_.queued() == 0 && scheduler_.running() == 0, "an executor goes while jobs are in it");
    stopping_ = true;
  }
  timer_wake_.notify_one();
  timer_.join();
  for (auto& worker : workers_) {
    worker.wake.notify_one();
    worker.thread.join();
  }
}

Result<Executor::Submitted> Executor::submit(Job& job) {
  job.error.reset();
  std::unique_lock lock(mutex_);
  const int64_t now = platform::now_ns();  // read under the lock: a scheduler's time never goes backwards
  const sched::Admission admission = scheduler_.admit(request_of(job, model_), now);
  job.refusal = admission.refusal;
  job.retry_after_ns = admission.retry_after_ns;
  if (!admission.ok()) return refused(admission);
  const Decided decided = decide(now, &job);
  lock.unlock();
  if (tell_expired(decided.expired, &job)) return Submitted::kDone;
  if (!decided.here.job) return Submitted::kPending;
  run(decided.here.latest_ns, *decided.instance, job);
  lock.lock();
  finish(decided.here, true);  // may_run_inline()
  const Decided after = decide(platform::now_ns(), nullptr);
  lock.unlock();
  tell_expired(after.expired, nullptr);
  return Submitted::kDone;
}

bool Executor::may_run_inline(const Job& job, const registry::Instance& instance) const {
  return compute_ns_ > 0 && compute_ns_ <= kInlineComputeNs && instance.is_warm(job.request);
}

// Asks until there is nothing left to decide. Starts go to their instances' threads, but for one that may be computed here.
Executor::Decided Executor::decide(int64_t now_ns, const Job* submitted) {
  Decided decided;
  while (const auto decision = scheduler_.next(now_ns)) {
    if (decision->kind == sched::Decision::Kind::kExpire) {
      Job& job = job_of(decision->request);
      job.next = decided.expired;
      decided.expired = &job;
    }
    // Nobody is asked to yield: executions have one step. Those that are late stop by themselves (InferRequest::stop_ns).
    if (decision->kind != sched::Decision::Kind::kStart) continue;
    Worker& worker = workers_[static_cast<size_t>(std::countr_zero(decision->slots))];
    const Start start{&job_of(decision->members[0].request), decision->execution, now_ns, decision->start_latest_ns};
    if (start.job == submitted && may_run_inline(*start.job, *worker.instance)) {
      decided.here = start;
      decided.instance = worker.instance;
      continue;
    }
    worker.start = start;
    worker.wake.notify_one();
  }
  if (scheduler_.wake_at() < timer_at_ns_) {
    timer_at_ns_ = scheduler_.wake_at();
    timer_wake_.notify_one();
  }
  return decided;
}

// Costs are counted from the decision: waking a thread is part of what the next request waits for. A shape's first run says
// nothing of the following ones.
void Executor::finish(const Start& start, bool was_warm) {
  const int64_t now = platform::now_ns();
  const Job& job = *start.job;
  scheduler_.completed(start.execution, was_warm && !job.error ? now - start.decided_ns : 0, now);
  if (job.error || (!was_warm && compute_ns_ > 0)) return;
  // A moving average over about eight requests: one slow run does not move a model off the fast way for long.
  const int64_t computed_ns = job.clock.spent_ns(request::Stage::kCompute);
  compute_ns_ = compute_ns_ == 0 ? computed_ns : compute_ns_ + (computed_ns - compute_ns_) / 8;
}

// True when `submitted` is among them: it is told by returning.
bool Executor::tell_expired(Job* expired, const Job* submitted) {
  bool found = false;
  while (expired) {
    Job& job = *std::exchange(expired, expired->next);
    job.error.emplace(ErrorCode::kDeadline, "the deadline would have passed before the request could be computed");
    job.clock.mark(request::Stage::kQueue);
    if (&job == submitted) found = true;
    else job.done(job);
  }
  return found;
}

void Executor::work(Worker& worker) {
  std::unique_lock lock(mutex_);
  for (;;) {
    worker.wake.wait(lock, [&] { return worker.start.job || stopping_; });
    if (!worker.start.job) return;
    const Start start = std::exchange(worker.start, {});
    Job& job = *start.job;
    lock.unlock();
    const bool was_warm = worker.instance->is_warm(job.request);
    run(start.latest_ns, *worker.instance, job);
    lock.lock();
    finish(start, was_warm);
    const Decided decided = decide(platform::now_ns(), nullptr);
    lock.unlock();
    tell_expired(decided.expired, nullptr);
    job.done(job);  // the job, and with it the last reference to this executor's version, may go from here on
    lock.lock();
  }
}

// Wakes when the scheduler must be asked though nothing happens: requests that can no longer be in time are told then.
void Executor::watch_time() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (timer_at_ns_ == sched::kNever) timer_wake_.wait(lock);
    else timer_wake_.wait_until(lock, std::chrono::steady_clock::time_point(std::chrono::nanoseconds(timer_at_ns_)));
    const int64_t now = platform::now_ns();
    if (now < timer_at_ns_) continue;
    timer_at_ns_ = sched::kNever;
    const Decided decided = decide(now, nullptr);
    lock.unlock();
    tell_expired(decided.expired, nullptr);
    lock.lock();
  }
}

Executor::Load Executor::load() const {
  const std::lock_guard lock(mutex_);
  return {scheduler_.queued(), scheduler_.running()};
}

int64_t Executor::compute_ns() const {
  const std::lock_guard lock(mutex_);
  return compute_ns_;
}

}  // namespace tercel::serve
