#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tercel::load {

// How a request ended. Every request that was meant to start ends as exactly one of these.
enum class Outcome : uint8_t {
  kInTime,           // 200 before the deadline, or without one
  kLate,             // 200 after the deadline
  kRefused,          // 429 or 503: the server had no room
  kDeadline,         // 504: the server gave it up because of its deadline
  kClientError,      // another 4xx: the request was wrong
  kServerError,      // another 5xx, or a status that is no answer
  kBadAnswer,        // not HTTP, or a 200 that is no Open Inference answer
  kConnectionError,  // could not connect, or the connection broke
  kTimedOut,         // no whole answer within the time-out
};
inline constexpr size_t kOutcomeCount = 9;

constexpr std::string_view outcome_name(Outcome outcome) {  // in reports for people
  constexpr std::string_view kNames[kOutcomeCount] = {"in time",      "late",         "refused",    "deadline exceeded",
                                                      "client error", "server error", "bad answer", "connection error",
                                                      "timed out"};
  return kNames[static_cast<size_t>(outcome)];
}

constexpr std::string_view outcome_key(Outcome outcome) {  // in JSON
  constexpr std::string_view kKeys[kOutcomeCount] = {"in_time",      "late",         "refused",    "deadline_exceeded",
                                                     "client_error", "server_error", "bad_answer", "connection_error",
                                                     "timed_out"};
  return kKeys[static_cast<size_t>(outcome)];
}

constexpr bool is_answered(Outcome outcome) { return outcome == Outcome::kInTime || outcome == Outcome::kLate; }

// The outcome of an answer with this HTTP status that came `latency_ns` after its intended start; `deadline_ns` 0: none.
constexpr Outcome outcome_of(int status, int64_t latency_ns, int64_t deadline_ns) {
  if (status == 200) return deadline_ns == 0 || latency_ns <= deadline_ns ? Outcome::kInTime : Outcome::kLate;
  if (status == 429 || status == 503) return Outcome::kRefused;
  if (status == 504) return Outcome::kDeadline;
  return status >= 400 && status < 500 ? Outcome::kClientError : Outcome::kServerError;
}

}  // namespace tercel::load
