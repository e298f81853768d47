#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "request/terms.h"

namespace tercel::sched {

using TimeNs = int64_t;  // on one monotonic clock, the caller's; durations too
inline constexpr TimeNs kNever = std::numeric_limits<TimeNs>::max();

using RequestId = uint64_t;  // chosen by the caller, unique among the requests that are queued or running
using ModelId = uint32_t;
using StreamId = uint32_t;
using ExecutionId = uint32_t;  // of one batch from its start until completed(); then used again
inline constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

inline constexpr uint32_t kSlotsMax = 64;         // threads that compute, of one scheduler; a set of them is one word
inline constexpr uint32_t kModelsMax = 64;        // models of one scheduler; a set of them is one word
inline constexpr uint32_t kVariantsMax = 8;       // variants in one ladder
inline constexpr uint32_t kThreadChoicesMax = 4;  // thread counts that one variant was measured with
inline constexpr uint32_t kBatchRowsMax = 128;    // rows of one batch
inline constexpr uint32_t kQueuedMax = 1u << 20;  // requests that one scheduler may hold
inline constexpr uint32_t kStreamsMax = 256;      // reservations of one scheduler
inline constexpr uint32_t kStreamQueueMax = 4;    // requests of one stream that wait or run at once

// Most urgent first: where two compete for a slot, the smaller value wins.
using request::Class;
using request::kClassCount;

// What a scheduler may know of a request.
struct Request {
  RequestId id = 0;
  ModelId model = 0;
  Class cls = Class::kHard;
  TimeNs arrival_ns = 0;        // of its first byte; what a stream's contract counts
  TimeNs deadline_ns = kNever;  // absolute; ignored for bulk
  uint32_t rows = 1;            // its part of a batch
  uint64_t shape = 0;           // only requests of one shape share a batch
  float min_accuracy = 0;       // variants below are not for it
  StreamId stream = kNone;      // of a guaranteed request
};

// Names an admitted request until it is answered. Stale tickets are recognised.
struct Ticket {
  uint32_t index = kNone, generation = 0;
};

enum class Refusal : uint8_t {
  kNone,
  kUnknownModel,
  kRows,        // none, or more than the model's largest batch
  kAccuracy,    // no variant is as accurate
  kNoDeadline,  // hard and guaranteed need one
  kPast,        // the deadline has passed already
  kTooShort,    // would be late even on an idle machine
  kOverload,    // would be late, or make one late that was admitted, behind what is admitted already
  kQueueFull,
  kStream,    // no such reservation, or not for this model and this many rows
  kBlocking,  // so many rows at once would block reserved streams too long
};

// The answer to admit(), at once.
struct Admission {
  Refusal refusal = Refusal::kNone;
  Class cls = Class::kHard;  // as which it was taken, or refused: the excess of a stream is `hard`
  Ticket ticket;
  TimeNs predicted_finish_ns = kNever;  // of hard requests
  bool is_probe = false;                // taken to learn what it costs: it may well be late
  TimeNs retry_after_ns = kNever;       // of refusals: when asking again may help; kNever: it will not
  bool ok() const { return refusal == Refusal::kNone; }
};

// A sentence for the client. Never allocates.
const char* refusal_text(Refusal refusal);

// One request of a batch.
struct Member {
  RequestId request = 0;
  Class cls = Class::kHard;
  TimeNs deadline_ns = kNever;
  uint32_t rows = 1;
};

// What to do now. `members` stays valid until completed(execution).
struct Decision {
  enum class Kind : uint8_t {
    kStart,    // run `members` as one batch on `slots`; or go on with it, when it had yielded
    kPreempt,  // ask `execution` to yield at its next step boundary: then yielded(), or completed() if it ends first
    kCancel,   // stop `execution` at its next step boundary, nobody waits for it: then completed()
    kExpire,   // answer `request` now: it can no longer meet its deadline, which has not passed yet
  };
  Kind kind = Kind::kStart;
  ExecutionId execution = kNone;
  RequestId request = 0;
  ModelId model = 0;
  uint32_t variant = 0;  // position in the ladder
  uint64_t slots = 0;    // bit i: slot i; as many as threads
  bool resumed = false;
  TimeNs start_earliest_ns = 0;
  TimeNs start_latest_ns = kNever;  // a start that can't keep it must not happen
  std::span<const Member> members;
};

}  // namespace tercel::sched
