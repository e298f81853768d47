#pragma once

#include <array>
#include <vector>

#include "sched/cost_model.h"
#include "sched/demand.h"
#include "sched/types.h"

namespace tercel::sched {

// Which variant of a ladder answers.
enum class VariantPolicy : uint8_t {
  kOff,       // the most accurate, always
  kDegrade,   // the most accurate with which everything that is admitted stays in time
  kCheapest,  // the cheapest that is as accurate as the request asks
};

struct VariantOptions {
  float accuracy = 1;
  std::vector<CostPoint> costs;
  TimeNs floor_ns = 0;         // see CostModel::make
  TimeNs longest_step_ns = 0;  // an execution yields within it when asked; 0: it runs to its end
  // By thread count, ascending as in the costs: how many executions may run or have yielded at once; 0: any number.
  std::array<uint32_t, kThreadChoicesMax> instances{};
};

struct ModelOptions {
  uint32_t rows_max = 1;   // of a batch
  uint32_t queue_max = 0;  // soft and bulk requests that wait or run, hard ones a third more; 0: as the scheduler's
  VariantPolicy policy = VariantPolicy::kDegrade;
  std::vector<VariantOptions> variants;  // the ladder: each less accurate and not slower than the one before
};

// Capacity for a periodic or sporadic stream, at class `guaranteed`.
struct Reservation {
  ModelId model = 0;
  TimeNs period_ns = 0;    // or the least time between requests
  TimeNs deadline_ns = 0;  // after the arrival
  TimeNs jitter_ns = 0;    // how much earlier than its period a request may come
  uint32_t rows = 1;       // of each request
};

// How a reservation was tested.
struct ReservationTest {
  TimeNs cost_ns = 0;      // what each request was counted as: its worst case and the margin; 0: it did not come to a test
  TimeNs blocking_ns = 0;  // of other work that can't be interrupted
  DemandVerdict verdict;   // of the slot that takes it, or of the one that comes nearest
};

struct SchedulerOptions {
  uint32_t slots = 1;           // threads that compute
  uint32_t queue_max = 10'000;  // requests that wait or run; guaranteed ones have room of their own
  uint32_t soft_max = 0;        // of them soft and bulk; 0: three quarters
  uint32_t bulk_max = 0;        // of them bulk; 0: half
  uint32_t live_max = 0;        // executions that run or have yielded: each keeps an arena; 0: twice the slots and two
  double worst_margin = 0.1;    // added to declared worst cases when reservations are tested
};

}  // namespace tercel::sched
