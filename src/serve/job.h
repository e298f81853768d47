#pragma once

#include <optional>

#include "request/infer.h"
#include "request/stages.h"
#include "sched/types.h"

namespace tercel::serve {

// One inference between a transport and an executor. The transport owns all of it and keeps it in place from submit() until
// the job is done; the executor borrows it in between. Reused from request to request.
struct Job {
  explicit Job(request::Budget* memory = nullptr) : request(memory), reply(memory) {}

  request::InferRequest request;
  request::InferReply reply;
  request::StageClock clock;
  request::Terms terms;
  // Of a request that was refused: why, and when asking again may help (kNever: not known).
  sched::Refusal refusal = sched::Refusal::kNone;
  int64_t retry_after_ns = sched::kNever;
  Job* next = nullptr;         // the executor's
  std::optional<Error> error;  // set when the job failed

  // Called once, on a thread of the executor, when a job that submit() left pending is done. Must only hand the job back to
  // its owner's thread. Not called for jobs that were computed inside submit() or refused by it.
  void (*done)(Job& job) = nullptr;
  void* owner = nullptr;
};

}  // namespace tercel::serve
