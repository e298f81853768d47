#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "sched/types.h"

namespace tercel::sched {

using InstanceId = uint32_t;

// What a policy may know of a request.
struct RequestMeta {
  RequestId id = 0;
  TimeNs arrival_ns = 0;
  TimeNs deadline_ns = kNever;
};

// "Start this request on that instance, not before and not after". A start that can't keep to start_latest_ns must not
// happen: the caller completes the instance at once and fails the request.
struct Action {
  RequestId request = 0;
  InstanceId instance = 0;
  TimeNs start_earliest_ns = 0;
  TimeNs start_latest_ns = kNever;
};

// Decides which queued request runs on which instance, and when. Pure: no clock, no thread, no lock; the same events give
// the same actions. Times never go backwards from call to call. Not for two threads at once.
//
// Life of a request: admit (or refused) -> queued -> handed out by next() -> running -> complete(instance). A queued
// request can be cancelled; a running one can't.
class Scheduler {
 public:
  virtual ~Scheduler() = default;

  // Queues the request, or refuses: kExhausted when the queue is full. A refused request is not remembered.
  [[nodiscard]] virtual Result<void> admit(const RequestMeta& request, TimeNs now_ns) = 0;
  // The instance finished (or gave up) what next() handed it and is idle again.
  virtual void complete(InstanceId instance, TimeNs now_ns) = 0;
  // Forgets a queued request. False when it is not queued (running, done, never admitted).
  virtual bool cancel(RequestId request, TimeNs now_ns) = 0;
  // The next decision, or none until another event. Call until it gives none.
  [[nodiscard]] virtual std::optional<Action> next(TimeNs now_ns) = 0;

  virtual uint32_t queued() const = 0;
  virtual uint32_t running() const = 0;
};

}  // namespace tercel::sched
