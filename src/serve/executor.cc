#include "serve/executor.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <utility>

#include "platform/clock.h"
#include "platform/cpus.h"
#include "platform/placement.h"
#include "serve/scheduled_model.h"

namespace tercel::serve {
namespace {

// A scheduler knows a job by its address: unique while the job is queued or running, and no table is needed.
sched::RequestId id_of(const Job& job) { return reinterpret_cast<sched::RequestId>(&job); }
Job& job_of(sched::RequestId id) { return *reinterpret_cast<Job*>(id); }

// A quarter of its room is for hard requests alone.
sched::SchedulerOptions options_of(uint32_t threads, uint32_t queue_max) {
  return {.slots = threads, .queue_max = queue_max, .soft_max = queue_max / 4 * 3, .bulk_max = queue_max / 2};
}

uint32_t threads_of(const ExecutorOptions& options) {
  const uint32_t wanted = options.threads > 0 ? options.threads : static_cast<uint32_t>(platform::usable_cpus());
  return std::min(wanted, sched::kSlotsMax);
}

// By what the client can do about it: change the request, or ask again later.
ErrorCode code_of(sched::Refusal refusal) {
  switch (refusal) {
    case sched::Refusal::kRows:
    case sched::Refusal::kAccuracy:
    case sched::Refusal::kStream:
    case sched::Refusal::kNoDeadline: return ErrorCode::kInvalid;
    case sched::Refusal::kPast: return ErrorCode::kDeadline;
    default: return ErrorCode::kExhausted;
  }
}

Error refused(sched::Refusal refusal) { return Error(code_of(refusal), sched::refusal_text(refusal)); }

}  // namespace

Executor::Executor(const ExecutorOptions& options)
    : threads_(threads_of(options)),
      queue_max_(options.queue_max),
      may_compute_here_(options.cpus.empty()),
      cpus_(options.cpus.empty() ? platform::allowed_cpus() : options.cpus),
      scheduler_(options_of(threads_, options.queue_max)) {
  const auto stop = [](void* user) {
    auto& runner = *static_cast<Runner*>(user);
    runner.executor.yield(runner);
  };
  for (sched::ExecutionId id = 0; id < scheduler_.executions_max(); ++id) {
    runners_.push_back(std::make_unique<Runner>(id, *this, stop));
    runners_.back()->thread = std::thread([this, runner = runners_.back().get()] { work(*runner); });
  }
  timer_ = std::thread([this] { watch_time(); });
}

Executor::~Executor() {
  {
    const std::lock_guard lock(mutex_);
    check(std::ranges::all_of(models_, [](const auto& model) { return !model; }), "an executor goes while it has models");
    stopping_ = true;
  }
  timer_wake_.notify_one();
  timer_.join();
  for (auto& runner : runners_) {
    runner->leaves = true;
    runner->wake.release();
    runner->thread.join();
  }
}

Result<sched::ModelId> Executor::add(const registry::OpenedModel& opened, const ModelOptions& options) {
  auto model = std::make_unique<Model>();
  model->opened = &opened;
  for (const auto& variant : opened.variants) {
    auto& groups = model->free.emplace_back();
    for (const auto& group : variant.groups) {
      auto& free = groups.emplace_back();
      for (const auto& instance : group.instances) free.push_back(instance.get());
    }
    model->compute_ns.push_back(variant.costs.empty() ? 0 : variant.costs[0].p50_ns);
  }
  const std::lock_guard lock(mutex_);
  const sched::ModelId id = TRY(scheduler_.add_model(scheduled_model(opened, options.queue_max, options.policy, threads_)));
  models_[id] = std::move(model);
  return id;
}

void Executor::remove(sched::ModelId model) {
  const std::lock_guard lock(mutex_);
  check(scheduler_.remove_model(model).ok(), "a model goes while jobs or reservations of it are left");
  models_[model].reset();
}

Result<sched::StreamId> Executor::reserve(const sched::Reservation& reservation, sched::ReservationTest* test) {
  const std::lock_guard lock(mutex_);
  return scheduler_.reserve(reservation, test);
}

void Executor::release(sched::StreamId stream) {
  const std::lock_guard lock(mutex_);
  scheduler_.release(stream);
}

sched::Request Executor::request_of(Job& job, sched::ModelId model) const {
  sched::Request request;
  request.id = id_of(job);
  request.model = model;
  request.cls = job.terms.request_class;
  request.arrival_ns = job.clock.started_ns();
  request.deadline_ns = job.terms.deadline_ns;
  if (request.deadline_ns != sched::kNever) request.deadline_ns -= job.sending_ns;
  request.min_accuracy = job.terms.min_accuracy;
  request.stream = job.terms.stream;
  const Rows rows = rows_of(job, *models_[model]->opened);
  request.rows = rows.count;
  request.shape = rows.shape;
  job.is_usual = rows.are_exact;
  return request;
}
static_assert(sched::kNever == request::kNoDeadline && sched::kNone == request::kNoStream);

Result<Executor::Submitted> Executor::submit(sched::ModelId model, Job& job) {
  job.error.reset();
  std::unique_lock lock(mutex_);
  const int64_t now = platform::now_ns();  // read under the lock: a scheduler's time never goes backwards
  const sched::Admission admission = scheduler_.admit(request_of(job, model), now);
  job.refusal = admission.refusal;
  job.retry_after_ns = admission.retry_after_ns;
  job.ticket = admission.ticket;
  if (job.terms.request_class == request::Class::kGuaranteed) job.terms.request_class = admission.cls;
  if (!admission.ok()) return refused(admission.refusal);
  const Decided decided = decide(now, &job);
  lock.unlock();
  if (carry_out(decided, &job)) return Submitted::kDone;
  if (!decided.here) return Submitted::kPending;
  decided.here->compute();
  lock.lock();
  finish(*decided.here);
  const Decided after = decide(platform::now_ns(), nullptr);
  lock.unlock();
  carry_out(after, nullptr);
  return Submitted::kDone;
}

bool Executor::withdraw(Job& job) {
  std::unique_lock lock(mutex_);
  const int64_t now = platform::now_ns();
  const bool waited = scheduler_.waits(job.ticket);
  if (!scheduler_.cancel(job.ticket, now)) return false;
  const Decided decided = decide(now, nullptr);
  lock.unlock();
  carry_out(decided, nullptr);
  return waited;
}

// Where there is a CPU for each slot, each has its own. A batch on several threads may run on any: its helpers do.
std::span<const int> Executor::cpus_of(uint64_t slots) const {
  if (cpus_.size() != threads_) return {};
  const std::span<const int> all = cpus_;
  return std::has_single_bit(slots) ? all.subspan(static_cast<size_t>(std::countr_zero(slots)), 1) : all;
}

// There it cannot yield: a stream of the slot must bear all of it.
bool Executor::may_run_here(const Runner& runner, uint64_t slots) const {
  const int64_t compute_ns = models_[runner.model]->compute_ns[runner.variant];
  const int64_t worst_ns = scheduler_.cost(runner.model, runner.variant).worst(runner.rows, runner.group);
  const bool is_reserved = runner.jobs[0]->terms.request_class == request::Class::kGuaranteed;
  for (uint64_t left = is_reserved ? 0 : slots; left != 0; left &= left - 1)
    if (worst_ns > scheduler_.allowance_ns(static_cast<uint32_t>(std::countr_zero(left)))) return false;
  return may_compute_here_ && runner.jobs.size() == 1 && compute_ns > 0 && compute_ns <= kInlineComputeNs &&
         runner.instance->is_warm(runner.jobs[0]->request);
}

// Asks until there is nothing left to decide.
Executor::Decided Executor::decide(int64_t now_ns, const Job* submitted) {
  Decided decided;
  const auto wake = [&](Runner& runner) { runner.next = std::exchange(decided.wake, &runner); };
  while (const auto decision = scheduler_.next(now_ns)) {
    if (decision->kind == sched::Decision::Kind::kExpire) {
      Job& job = job_of(decision->request);
      job.next = std::exchange(decided.expired, &job);
      continue;
    }
    Runner& runner = *runners_[decision->execution];
    if (decision->kind == sched::Decision::Kind::kPreempt) {
      runner.yield.ask();
      ++models_[runner.model]->preempted;
    } else if (decision->kind == sched::Decision::Kind::kCancel) {
      runner.cancelled.store(true, std::memory_order_relaxed);
      if (std::exchange(runner.has_yielded, false)) wake(runner);
    } else if (decision->resumed) {
      runner.has_yielded = false;
      runner.cpus = cpus_of(decision->slots);
      wake(runner);
    } else {
      prepare(runner, *decision, now_ns);
      runner.is_borrowed = submitted && runner.jobs[0] == submitted && may_run_here(runner, decision->slots);
      if (runner.is_borrowed) decided.here = &runner;
      else wake(runner);
    }
  }
  if (scheduler_.wake_at() < timer_at_ns_) {
    timer_at_ns_ = scheduler_.wake_at();
    timer_wake_.notify_one();
  }
  return decided;
}

void Executor::prepare(Runner& runner, const sched::Decision& decision, int64_t now_ns) {
  Model& model = *models_[decision.model];
  const auto threads = static_cast<uint32_t>(std::popcount(decision.slots));
  const auto& groups = model.opened->variants[decision.variant].groups;
  runner.model = decision.model;
  runner.cpus = cpus_of(decision.slots);
  runner.variant = decision.variant;
  runner.group = 0;
  while (groups[runner.group].threads != threads) ++runner.group;
  auto& free = model.free[runner.variant][runner.group];
  runner.instance = free.back();
  free.pop_back();
  runner.jobs.clear();
  runner.rows = 0;
  runner.counts = true;
  runner.worthless_ns = 0;
  for (const sched::Member& member : decision.members) {
    Job& job = job_of(member.request);
    runner.jobs.push_back(&job);
    runner.rows += member.rows;
    runner.counts = runner.counts && job.is_usual;
    const bool is_soft = member.cls >= sched::Class::kSoft;
    runner.worthless_ns = std::max(runner.worthless_ns, is_soft ? sched::kNever : job.terms.deadline_ns);
  }
  // A shape's first run says nothing of the following ones.
  if (runner.jobs.size() == 1) runner.counts = runner.counts && runner.instance->is_warm(runner.jobs[0]->request);
  runner.expected_ns = scheduler_.cost(runner.model, runner.variant).expected(runner.rows, runner.group);
  runner.decided_ns = now_ns;
  runner.stopped_ns = 0;
  runner.cancelled.store(false, std::memory_order_relaxed);
  runner.yield.clear();
}

// Costs are counted from the decision: waking a thread is part of what the next request waits for.
void Executor::finish(Runner& runner) {
  const int64_t now = platform::now_ns();
  Model& model = *models_[runner.model];
  const bool failed = std::ranges::any_of(runner.jobs, [](const Job* job) { return job->error.has_value(); });
  const bool counts = runner.counts && !failed;
  scheduler_.completed(runner.execution, counts ? now - runner.decided_ns - runner.stopped_ns : 0, now);
  model.free[runner.variant][runner.group].push_back(runner.instance);
  ++model.batches;
  int64_t& lately_ns = model.compute_ns[runner.variant];
  if (failed || runner.jobs.size() > 1 || (!runner.counts && lately_ns > 0)) return;
  // A moving average over about eight requests: one slow run does not move a model off the fast way for long.
  const int64_t computed_ns = runner.jobs[0]->clock.spent_ns(request::Stage::kCompute) - runner.stopped_ns;
  lately_ns = lately_ns == 0 ? computed_ns : lately_ns + (computed_ns - lately_ns) / 8;
}

bool Executor::carry_out(const Decided& decided, const Job* submitted) {
  for (Runner* runner = decided.wake; runner;) std::exchange(runner, runner->next)->start();
  bool found = false;
  for (Job* expired = decided.expired; expired;) {
    Job& job = *std::exchange(expired, expired->next);
    job.error.emplace(ErrorCode::kDeadline, "the deadline would have passed before the request could be computed");
    job.clock.mark(request::Stage::kQueue);
    if (&job == submitted) found = true;
    else job.done(job);
  }
  return found;
}

void Executor::work(Runner& runner) {
  platform::run_on(cpus_);
  platform::ask_for_short_slices();  // who wakes may be put where less urgent work runs, and must not wait for the end of its
                                     // turn
  std::vector<Job*> finished;
  finished.reserve(sched::kBatchRowsMax);
  for (;;) {
    runner.wake.acquire();
    if (runner.leaves) return;
    runner.compute();
    std::unique_lock lock(mutex_);
    finished.assign(runner.jobs.begin(), runner.jobs.end());  // the runner may get its next batch from here on
    finish(runner);
    const Decided decided = decide(platform::now_ns(), nullptr);
    lock.unlock();
    carry_out(decided, nullptr);
    for (Job* job : finished) job->done(*job);  // the job, and with it the last reference to its version, may go from here on
  }
}

// On the runner's thread, in the middle of its batch: gives the slots back, sleeps until they are given again.
void Executor::yield(Runner& runner) {
  std::unique_lock lock(mutex_);
  runner.yield.clear();
  if (runner.cancelled.load(std::memory_order_relaxed)) return;  // the run ends in a moment
  const int64_t begun_ns = platform::now_ns();
  runner.has_yielded = true;
  scheduler_.yielded(runner.execution, runner.expected_ns - (begun_ns - runner.decided_ns - runner.stopped_ns), begun_ns);
  const Decided decided = decide(begun_ns, nullptr);
  lock.unlock();
  carry_out(decided, nullptr);
  runner.wake.acquire();
  runner.stopped_ns += platform::now_ns() - begun_ns;
}

// Wakes when the scheduler must be asked though nothing happens: requests that can no longer be in time are told then.
void Executor::watch_time() {
  platform::ask_for_short_slices();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (timer_at_ns_ == sched::kNever) timer_wake_.wait(lock);
    else timer_wake_.wait_until(lock, std::chrono::steady_clock::time_point(std::chrono::nanoseconds(timer_at_ns_)));
    const int64_t now = platform::now_ns();
    if (now < timer_at_ns_) continue;
    timer_at_ns_ = sched::kNever;
    const Decided decided = decide(now, nullptr);
    lock.unlock();
    carry_out(decided, nullptr);
    lock.lock();
  }
}

Executor::Load Executor::load(sched::ModelId model) const {
  const std::lock_guard lock(mutex_);
  const Model& m = *models_[model];
  return {scheduler_.queued(model), scheduler_.computing(model), m.batches, m.preempted};
}

}  // namespace tercel::serve
