#include "serve/statistics.h"

#include <algorithm>
#include <chrono>

namespace tercel::serve {

Outcome outcome_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kExhausted: return Outcome::kRejectedOverload;
    case ErrorCode::kUnavailable: return Outcome::kUnavailable;
    case ErrorCode::kCancelled:
    case ErrorCode::kDeadline: return Outcome::kDeadlineMissed;
    case ErrorCode::kInvalid:
    case ErrorCode::kNotFound:
    case ErrorCode::kUnsupported:
    case ErrorCode::kLimit: return Outcome::kInvalid;
    default: return Outcome::kError;
  }
}

void Statistics::record_deadline(Outcome outcome, int64_t slack_ns, request::Class c) {
  if (!is_answered(outcome) && outcome != Outcome::kDeadlineMissed) return;
  const bool met = is_answered(outcome) && slack_ns >= 0;
  deadlines_[met][static_cast<size_t>(c)].add();
  if (met) slack_.record(slack_ns);
  else lateness_.record(std::max<int64_t>(-slack_ns, 0));
}

void Statistics::record(Outcome outcome, const request::StageClock& clock, const request::Terms& terms) {
  outcomes_[static_cast<size_t>(outcome)].add();
  if (terms.deadline_ns != request::kNoDeadline)
    record_deadline(outcome, terms.deadline_ns - clock.last_ns(), terms.request_class);
  const int64_t total_ns = clock.last_ns() - clock.started_ns();
  // Wall-clock time: the statistics extension reports it as Unix time.
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  last_request_ms_.store(std::chrono::duration_cast<std::chrono::milliseconds>(now).count(), std::memory_order_relaxed);
  if (!is_answered(outcome)) {
    failure_ns_.add(static_cast<uint64_t>(total_ns));
    return;
  }
  duration_.record(total_ns);
  for (size_t i = 0; i < request::kStageCount; ++i) stages_[i].record(clock.spent_ns(static_cast<request::Stage>(i)));
}

uint64_t Statistics::answers() const { return count(Outcome::kOk) + count(Outcome::kLate); }

uint64_t Statistics::failures() const {
  uint64_t sum = 0;
  for (size_t i = 0; i < kOutcomeCount; ++i) sum += outcomes_[i].value();
  return sum - answers();
}

}  // namespace tercel::serve
