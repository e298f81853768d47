#include "transport/http/request_span.h"

#include <time.h>

namespace tercel::transport::http {
namespace {

using observe::trace::Span;

static_assert(observe::trace::kSpanStages == request::kStageCount);

// Collectors lay spans of several machines side by side: wall-clock time.
int64_t unix_now_ns() {
  timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

}  // namespace

void record_span(observe::trace::Tracer& tracer, const observe::trace::Context& context, const serve::Job& job,
                 const RequestEnd& end) {
  const request::StageClock& clock = job.clock;
  Span span;
  span.trace = context.trace;
  span.id = context.span;
  span.parent = context.parent;
  span.total_ns = clock.last_ns() - clock.started_ns();
  span.start_unix_ns = unix_now_ns() - span.total_ns;
  for (size_t i = 0; i < request::kStageCount; ++i) {
    const auto stage = static_cast<request::Stage>(i);
    span.stages[i] = {request::stage_name(stage), clock.spent_ns(stage)};
  }
  if (job.terms.deadline_ns != request::kNoDeadline) {
    const int64_t left_ns = job.terms.deadline_ns - clock.last_ns();
    span.deadline_us = (job.terms.deadline_ns - clock.started_ns()) / 1000;
    span.slack_us = left_ns >= 0 ? left_ns / 1000 : (left_ns - 999) / 1000;
  }
  span.request_class = request::class_name(job.terms.request_class);
  span.outcome = serve::outcome_name(end.outcome);
  span.http_status = end.http_status;
  span.model.set(end.model);
  span.version = end.version;
  span.reason.set(end.reason);
  // A missed deadline is an error of the service, whatever the client was told.
  const bool is_missed = end.outcome == serve::Outcome::kLate || end.outcome == serve::Outcome::kDeadlineMissed;
  span.is_error = is_missed || end.http_status >= 500;
  tracer.record(span);
}

}  // namespace tercel::transport::http
