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
  // What is kept of the deadline for sending the answer.
  int64_t sending_ns = 0;
  // Of a request that was refused: why, and when asking again may help (kNever: not known).
  sched::Refusal refusal = sched::Refusal::kNone;
  int64_t retry_after_ns = sched::kNever;
  std::optional<Error> error;  // set when the job failed
  // Of a job that was computed: by which variant of its version, in a batch of how many requests, and when that was done.
  uint32_t variant = 0, batch_size = 0;
  int64_t computed_ns = 0;
  // The executor's.
  sched::Ticket ticket;
  bool is_usual = true;  // what it takes says what others of its rows will take
  Job* next = nullptr;

  // Called once, on a thread of the executor, when a job that submit() left pending is done. Must only hand the job back to
  // its owner's thread. Not called for jobs that were computed inside submit() or refused by it.
  void (*done)(Job& job) = nullptr;
  void* owner = nullptr;
};

}  // namespace tercel::serve
