#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "request/reservation_id.h"

namespace tercel::request {

// How a request stands to its deadline.
enum class Class : uint8_t {
  kGuaranteed,  // of a stream whose capacity was reserved
  kHard,        // an answer after the deadline is worthless: refused or dropped instead
  kSoft,        // ordered by deadline; a late answer is still sent, and marked
  kBulk,        // no deadline, uses what is left
};
inline constexpr size_t kClassCount = 4;
constexpr std::string_view class_name(Class c) {
  constexpr std::string_view kNames[kClassCount] = {"guaranteed", "hard", "soft", "bulk"};
  return kNames[static_cast<size_t>(c)];
}
std::optional<Class> class_of(std::string_view name);

inline constexpr int64_t kNoDeadline = std::numeric_limits<int64_t>::max();
inline constexpr uint32_t kNoStream = std::numeric_limits<uint32_t>::max();
inline constexpr int64_t kDeadlineUsMax = 3'600'000'000;  // an hour: the longest deadline of a request, in microseconds

// What a client said of time and accuracy, by where it said so. Microseconds from the arrival of the request's first byte.
struct Wish {
  std::optional<int64_t> header_us;    // x-tercel-deadline-us
  std::optional<int64_t> deadline_us;  // parameter deadline_us
  std::optional<int64_t> timeout_us;   // parameter timeout, as Triton's clients send it; 0: none
  std::optional<Class> header_class;   // x-tercel-class
  std::optional<Class> parameter_class;
  std::optional<float> min_accuracy;                   // parameter min_accuracy
  std::optional<ReservationId> header_reservation;     // x-tercel-reservation
  std::optional<ReservationId> parameter_reservation;  // parameter reservation
};

// What a reservation says of the requests that name it.
struct ReservedTerms {
  uint32_t stream = kNoStream;
  int64_t deadline_us = 0;
};

// What a model grants ([deadline] of model.toml).
struct TimePolicy {
  int64_t default_us = 0;                                           // of requests that say nothing; 0: none
  int64_t max_us = kDeadlineUsMax;                                  // longer ones are shortened to this
  std::optional<Class> default_class;                               // else: hard with a deadline where that is granted, else soft
  std::array<bool, kClassCount> grants = {true, true, true, true};  // classes that a client may ask for
};

// What was settled.
struct Terms {
  Class request_class = Class::kSoft;
  int64_t deadline_ns = kNoDeadline;  // on platform::now_ns()
  float min_accuracy = 0;             // variants below are not good enough
  uint32_t stream = kNoStream;        // of a guaranteed request: its reservation
};

// The reservation that a request names, if any. Refused: two.
Result<std::optional<ReservationId>> named_reservation(const Wish& wish);

// The earliest deadline of all that were given, as the model grants it. `reserved`: of the reservation that was named; the
// request is guaranteed, and has its deadline or an earlier one. Refused: a deadline that is no time, a class that is not granted
// or unknown, two classes, a class without what it needs (hard: a deadline, guaranteed: a reservation) or with what it cannot
// have (bulk: a deadline, all but guaranteed: a reservation).
Result<Terms> settle(const Wish& wish, const TimePolicy& policy, int64_t arrival_ns, const ReservedTerms* reserved = nullptr);

}  // namespace tercel::request
