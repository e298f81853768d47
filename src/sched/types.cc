#include "sched/types.h"

namespace tercel::sched {

const char* refusal_text(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNone: return "admitted";
    case Refusal::kUnknownModel: return "the model is not scheduled here";
    case Refusal::kRows: return "the request has no rows, or more than the model's largest batch; split it";
    case Refusal::kAccuracy: return "no variant of the model is as accurate as min_accuracy asks; ask for less";
    case Refusal::kNoDeadline: return "a request of class hard or guaranteed needs a deadline; set deadline_us";
    case Refusal::kPast: return "the deadline passed before the request was admitted; allow more time";
    case Refusal::kTooShort: return "the deadline is shorter than the model takes on an idle machine; allow more time";
    case Refusal::kOverload: return "the answer would be late behind the work that is admitted already; try again later";
    case Refusal::kQueueFull: return "the queue is full; try again later";
    case Refusal::kStream: return "no reservation of this model and this many rows has this number; reserve first";
    case Refusal::kBlocking: return "so many rows at once would block a reserved stream for longer than it allows; send fewer";
  }
  return "refused";
}

}  // namespace tercel::sched
