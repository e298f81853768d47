#pragma once

#include <array>
#include <memory>
#include <vector>

#include "sched/arrival_rate.h"
#include "sched/demand.h"
#include "sched/edf_forest.h"
#include "sched/options.h"
#include "sched/policer.h"

// What a DeadlineScheduler remembers, as plain records. Private to the folder.
namespace tercel::sched {

inline constexpr uint32_t kProbeOneOf = 8;  // hard requests refused for what runs once took, before one is tried

enum class Where : uint8_t { kFree, kQueued, kRunning };

struct RequestState {
  Request request;
  uint64_t order = 0;
  uint32_t generation = 0;
  Where where = Where::kFree;
  bool cancelled = false;  // while running
  bool is_probe = false;   // admitted to learn what it costs
  ExecutionId execution = kNone;
  uint32_t variant_last = 0;  // the cheapest variant that it accepts
  uint32_t choice = 0;        // the thread count with which it was admitted
  uint32_t rows_cap = 1;      // of the batch that it leads
  TimeNs start_latest_ns = kNever;
  TimeNs batch_latest_ns = kNever;  // the same, of the batch as which its finish was predicted: what later admissions must keep
  TimeNs weight_ns = 0;
};

struct Variant {
  float accuracy = 1;
  TimeNs longest_step_ns = 0;
  CostModel cost;
  std::array<uint32_t, kThreadChoicesMax> free;  // instances, by choice; kNone: as many as needed
  uint32_t instances = 0;                        // of all choices; 0: as many as needed
  TimeNs observed_ns = 0;                        // when a run of it was last learnt from
};

struct ModelState {
  ModelOptions options;
  std::vector<Variant> variants;
  std::array<EdfForest::Tree, kClassCount> queues;  // of hard, soft, bulk; guaranteed requests queue at their slot
  ArrivalRate hard_arrivals;
  uint32_t rows_least = 1, rows_most = 1;    // of hard requests since none waited
  uint32_t variant = 0;                      // of the last batch: coming back up takes more slack than staying
  uint32_t users = 0;                        // requests queued or running, and reservations
  std::array<uint32_t, kClassCount> held{};  // requests that wait or run
  uint32_t queued = 0;
  uint32_t refused_unseen = 0;      // hard requests that were too short since a run of it ended
  uint32_t reserved_instances = 0;  // of the first variant, kept for streams: on how many slots it has some
};

struct Stream {
  Reservation reservation;
  Contract contract;
  uint32_t slot = 0;
  Policer policer{1, 0};
  uint32_t held = 0;  // requests that wait or run
  bool used = false;
};

struct Execution {
  enum class State : uint8_t { kFree, kRunning, kYielded };
  State state = State::kFree;
  Class cls = Class::kBulk;
  ModelId model = 0;
  uint32_t variant = 0, choice = 0, rows = 0;
  uint64_t slots = 0;
  TimeNs started_ns = 0;            // of this stretch
  TimeNs predicted_ns = 0;          // high, of what was left when this stretch began
  TimeNs worthless_at_ns = kNever;  // everybody in it is late then
  EdfKey place;                     // in the order of its class
  bool asked_to_yield = false, asked_to_cancel = false;
  uint32_t waiting = 0;         // members that were not cancelled
  std::vector<Member> members;  // never grows past what was reserved
  std::vector<uint32_t> requests;
};

struct Slot {
  ExecutionId execution = kNone;
  EdfForest::Tree guaranteed;
  TimeNs allowance_ns = kNever;  // the longest that its streams may be blocked
  TimeNs burst_ns = 0;           // one request of each of its streams
  double utilisation = 0;        // of its streams
};

}  // namespace tercel::sched
