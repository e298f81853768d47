#include "serve/runner.h"

#include "platform/clock.h"
#include "platform/placement.h"

namespace tercel::serve {

// The kernel may put a thread that wakes on any CPU, also where another batch runs while the one that was given up for it
// idles, and takes a millisecond or two to notice.
void Runner::start() {
  const bool is_there = cpus.empty() || (cpus.data() == kept_on_.data() && cpus.size() == kept_on_.size());
  if (!is_there && platform::keep_on(thread, cpus)) kept_on_ = cpus;
  wake.release();
}

void Runner::compute() {
  int64_t now = 0;
  for (Job* job : jobs) now = job->clock.mark(request::Stage::kQueue);
  if (worthless_ns != sched::kNever && now + expected_ns / 2 > worthless_ns) {
    for (Job* job : jobs)
      job->error.emplace(ErrorCode::kDeadline,
                         "the deadline would have passed before the request was computed, when its turn came");
    return;
  }
  if (jobs.size() == 1) {
    auto result = run(jobs[0]->request, jobs[0]->reply);
    if (!result.ok()) jobs[0]->error.emplace(result.error());
  } else if (const auto together = run_together(); !together.ok()) {
    run_each();
  }
  for (Job* job : jobs) {
    // It was the scheduler that stopped it.
    if (job->error && job->error->code() == ErrorCode::kCancelled)
      job->error.emplace(ErrorCode::kDeadline, "the deadline passed while the request was computed");
    job->computed_ns = job->clock.mark(request::Stage::kCompute);
    job->variant = variant;
    job->batch_size = static_cast<uint32_t>(jobs.size());
  }
}

Result<void> Runner::run(const request::InferRequest& request, request::InferReply& reply) {
  // Looking at the clock before each step is for those who have a deadline.
  return instance->run(request, reply,
                       {.cancel = &cancelled,
                        .deadline_ns = worthless_ns == sched::kNever ? 0 : worthless_ns,
                        .yield = is_borrowed ? nullptr : &yield});
}

Result<void> Runner::run_together() {
  TRY(batch_.gather(jobs));
  TRY(run(batch_.request(), batch_.reply()));
  return batch_.scatter(jobs);
}

void Runner::run_each() {
  counts = false;
  for (Job* job : jobs) {
    const auto result = run(job->request, job->reply);
    if (!result.ok()) job->error.emplace(result.error());
  }
}

}  // namespace tercel::serve
