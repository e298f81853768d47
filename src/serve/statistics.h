#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "observe/counter.h"
#include "observe/histogram.h"
#include "registry/ladder.h"
#include "request/stages.h"
#include "request/terms.h"

namespace tercel::serve {

// How a request of a known model ended; the values of the metric label `outcome`.
enum class Outcome : uint8_t {
  kOk,
  kLate,
  kInvalid,
  kRejectedAdmission,
  kRejectedOverload,
  kDeadlineMissed,
  kUnavailable,
  kCancelled,
  kError
};
inline constexpr size_t kOutcomeCount = 9;
constexpr std::string_view outcome_name(Outcome outcome) {
  constexpr std::string_view kNames[kOutcomeCount] = {
      "ok", "late", "invalid", "rejected_admission", "rejected_overload", "deadline_missed", "unavailable", "cancelled", "error"};
  return kNames[static_cast<size_t>(outcome)];
}
// The client got an answer: in time, or a soft one after its deadline.
constexpr bool is_answered(Outcome outcome) { return outcome == Outcome::kOk || outcome == Outcome::kLate; }
Outcome outcome_of(ErrorCode code);

// What was measured of one version since it was loaded. Any thread; recording does not wait.
class Statistics {
 public:
  // A finished request: its stages count when it was answered, its duration always.
  void record(Outcome outcome, const request::StageClock& clock, const request::Terms& terms = {});

  // Which variant answered: its position in the ladder.
  void record_variant(uint32_t variant) { variants_[variant].add(); }

  uint64_t count(Outcome outcome) const { return outcomes_[static_cast<size_t>(outcome)].value(); }
  uint64_t answers() const;   // kOk and kLate
  uint64_t failures() const;  // everything else
  uint64_t answers_by(uint32_t variant) const { return variants_[variant].value(); }
  uint64_t failure_ns() const { return failure_ns_.value(); }
  const observe::Histogram& duration() const { return duration_; }  // of answered requests, first byte in to last byte out
  const observe::Histogram& stage(request::Stage stage) const { return stages_[static_cast<size_t>(stage)]; }
  // Of requests with a deadline that were not refused: whether an answer was out in time, and by how much; those that got none
  // count as late when they were told.
  uint64_t deadlines(request::Class c, bool met) const { return deadlines_[met][static_cast<size_t>(c)].value(); }
  const observe::Histogram& slack() const { return slack_; }                                    // of those in time
  const observe::Histogram& lateness() const { return lateness_; }                              // of the others
  int64_t last_request_ms() const { return last_request_ms_.load(std::memory_order_relaxed); }  // Unix time; 0: none yet

 private:
  void record_deadline(Outcome outcome, int64_t slack_ns, request::Class c);

  std::array<observe::Counter, kOutcomeCount> outcomes_;
  std::array<observe::Counter, registry::kLadderVariantsMax> variants_;
  std::array<std::array<observe::Counter, request::kClassCount>, 2> deadlines_;  // [met][class]
  observe::Histogram slack_, lateness_;
  observe::Counter failure_ns_;
  observe::Histogram duration_;
  std::array<observe::Histogram, request::kStageCount> stages_;
  std::atomic<int64_t> last_request_ms_{0};
};

}  // namespace tercel::serve
