#pragma once

#include <optional>

#include "base/result.h"
#include "sched/state.h"

namespace tercel::sched {

// Decides which requests are computed together, by which variant, on how many threads, when; and which are refused at once.
//
// Order. Four classes, the more urgent first wherever two compete for a slot. Inside a model, earliest deadline first; across
// models, the earliest latest start first (deadline - predicted cost); bulk, oldest first. A slot never idles while something
// could start on it: waiting for a larger batch does not pay (docs/adr/0010-scheduling.md).
//
// Promises. A hard request is admitted only if it is predicted to finish in time, at the high quantile of its cost, behind
// what runs and what was admitted before, and if it makes nobody late who was admitted. It is never started after its latest
// start; when it can't start by then, it is expired at that instant, before its deadline. Guaranteed requests of a reserved
// stream are served before everything else on their slot, and nothing is started there that could block them longer than the
// processor-demand test allowed.
//
// Pure: no clock, no thread, no lock, no I/O; the same events give the same decisions. Times never go backwards from call to
// call. Not for two threads at once. After construction only add_model() and reserve() allocate. Each event costs
// O(log queued + slots + models), completed() and a start also O(rows of a batch).
//
// Life of a request: admit (or refused) -> queued -> in a kStart, or expired, or cancelled; when its execution completed() it
// is forgotten. Call next() until it gives nothing after every event, and tick by next() when wake_at() has come.
class DeadlineScheduler {
 public:
  explicit DeadlineScheduler(const SchedulerOptions& options);
  DeadlineScheduler(const DeadlineScheduler&) = delete;
  DeadlineScheduler& operator=(const DeadlineScheduler&) = delete;

  // Refuses ladders that are not ordered, and a model that even one row at a time would block a reserved stream too long.
  [[nodiscard]] Result<ModelId> add_model(const ModelOptions& options);
  // Refused (kUnavailable) while requests or reservations of it exist.
  [[nodiscard]] Result<void> remove_model(ModelId model);

  // Takes capacity for a stream, or says (kExhausted) by how much the processor-demand test fails, and in which interval.
  // `test`, where given, is told what was counted, in both cases.
  [[nodiscard]] Result<StreamId> reserve(const Reservation& reservation, ReservationTest* test = nullptr);
  // Requests of the stream that wait are still served.
  void release(StreamId stream);

  [[nodiscard]] Admission admit(const Request& request, TimeNs now_ns);
  // Nobody waits for the answer any more. A queued request is forgotten at once; a running batch is cancelled when nobody in
  // it waits. False: answered already.
  bool cancel(Ticket ticket, TimeNs now_ns);
  // Admitted, and not yet in an execution.
  bool waits(Ticket ticket) const;

  // A kStart was obeyed, and when. Not needed when that was at once.
  void started(ExecutionId execution, TimeNs now_ns);
  // The batch is done, or was cancelled. `computed_ns`: the time it computed, all stretches together; 0: do not learn from it.
  void completed(ExecutionId execution, TimeNs computed_ns, TimeNs now_ns);
  // It stopped at a step boundary, as it was asked to, with about `remaining_ns` to compute.
  void yielded(ExecutionId execution, TimeNs remaining_ns, TimeNs now_ns);

  // The next decision, or none until another event or wake_at().
  [[nodiscard]] std::optional<Decision> next(TimeNs now_ns);
  // When next() must be called though nothing happens; kNever: no need.
  TimeNs wake_at() const;

  // Executions that may run or have yielded at once: ExecutionIds are below.
  uint32_t executions_max() const { return static_cast<uint32_t>(executions_.size()); }
  uint32_t queued() const { return queued_; }
  uint32_t running() const { return running_; }  // executions
  // Requests of a model that wait, and that are in executions.
  uint32_t queued(ModelId model) const { return models_[model]->queued; }
  uint32_t computing(ModelId model) const;
  uint64_t idle_slots() const { return idle_; }
  const CostModel& cost(ModelId model, uint32_t variant) const { return models_[model]->variants[variant].cost; }
  // How long streams of this slot may be blocked; kNever without streams.
  TimeNs allowance_ns(uint32_t slot) const { return slots_[slot].allowance_ns; }
  bool reserved() const { return burst_ns_ > 0; }  // any slot has streams
  double worst_margin() const { return options_.worst_margin; }
  TimeNs start_latest_ns(Ticket ticket) const { return requests_[ticket.index].start_latest_ns; }

 private:
  // One way to start a batch.
  struct Batch {
    uint32_t variant = 0, choice = 0;
    uint32_t count = 0;  // of scratch_
    uint32_t rows = 0;
    uint64_t slots = 0;
  };
  // When slots become free for a class, in nanoseconds from now, ascending.
  struct Lanes {
    std::array<TimeNs, kSlotsMax> free_in_ns;
    uint32_t count = 0;
    TimeNs yielded_ns = 0;  // work that has yielded and goes on before anything new
    std::span<const TimeNs> span() const { return {free_in_ns.data(), count}; }
  };

  // admission.cc
  bool full(const ModelState& model, Class cls) const;
  Refusal unacceptable(const Request& request) const;
  Admission refuse(Refusal refusal, TimeNs retry_after_ns = kNever) const;
  Admission admit_guaranteed(const Request& request, TimeNs now_ns);
  Admission admit_hard(const Request& request, TimeNs now_ns);
  Admission admit_other(const Request& request);
  bool finishes_in_time(RequestState& state, const Lanes& lanes, TimeNs now_ns, TimeNs& finish_ns) const;
  TimeNs work_of_others(const RequestState& state, TimeNs own_ns, const Lanes& lanes) const;
  uint32_t usable_rows(const ModelState& model, uint32_t cap) const;
  bool few_rows_suffice(const ModelState& model, const CostModel& cost, uint32_t cap, uint32_t& rows) const;
  TimeNs overload_of_later(const RequestState& state, const Lanes& lanes, TimeNs now_ns) const;
  TimeNs overload(const std::array<double, EdfForest::kSlopesMax>& slack, const Lanes& lanes, TimeNs extra_ns,
                  TimeNs now_ns) const;
  uint32_t instances_of(const Variant& variant) const;
  bool may_probe(ModelState& model, RequestState& state, TimeNs now_ns) const;
  uint32_t variant_last(const ModelState& model, float min_accuracy) const;
  Ticket enqueue(const RequestState& state, uint32_t index);

  // reservations.cc
  TimeNs block_of(const ModelState& model, uint32_t rows) const;
  TimeNs longest_block() const;
  Result<void> acceptable(const Reservation& reservation) const;
  bool test_slot(uint32_t slot, const Contract* added, TimeNs block_ns, DemandVerdict& verdict);
  void commit_slot(uint32_t slot);
  uint32_t reserved_instances(ModelId model) const;
  void set_slopes();

  // batching.cc
  bool plan_batch(ModelState& model, Class cls, TimeNs now_ns, Batch& batch, bool& held);
  bool plan_threads(const ModelState& model, Class cls, TimeNs now_ns, Batch& batch, bool& held) const;
  bool fill(const ModelState& model, Class cls, TimeNs now_ns, uint32_t rows_wanted, Batch& batch) const;
  bool rest_starts_in_time(const ModelState& model, Class cls, const Batch& batch, TimeNs runs_ns, TimeNs now_ns) const;
  bool makes_late(const ModelState& model, const Batch& batch, TimeNs now_ns) const;
  bool rest_makes_it(const ModelState& model, Class cls, const Batch& batch, TimeNs now_ns) const;
  bool others_wait(const ModelState& model, Class cls) const;
  TimeNs budget_of(const Variant& variant, uint32_t choice, Class cls, TimeNs now_ns) const;
  uint64_t pick_slots(uint32_t threads, TimeNs& allowance_ns) const;
  uint32_t rows_cap(const ModelState& model, Class cls, const Batch& batch, TimeNs allowance_ns) const;
  void add_riders(const ModelState& model, Class cls, TimeNs now_ns, Batch& batch);

  // dispatch.cc
  std::optional<Decision> expire(TimeNs now_ns);
  std::optional<Decision> abandon(TimeNs now_ns);
  std::optional<Decision> dispatch(TimeNs now_ns);
  std::optional<Decision> dispatch_guaranteed(TimeNs now_ns);
  std::optional<Decision> dispatch_class(Class cls, TimeNs now_ns, bool& held);
  std::optional<Decision> preempt(TimeNs now_ns);
  std::optional<Decision> preempt_for(Class cls, uint64_t slots, uint32_t needed, TimeNs waits_since_ns, TimeNs now_ns);
  ExecutionId most_urgent_yielded(Class cls, const EdfKey& after) const;
  ModelId most_urgent_model(Class cls, uint64_t models, EdfKey& place) const;
  EdfKey place_of(uint32_t index) const;
  std::optional<Decision> resume(ExecutionId execution, TimeNs now_ns);
  Decision start(const Batch& batch, Class cls, std::span<const uint32_t> members, TimeNs now_ns);
  Decision decision_of(ExecutionId execution, bool resumed, TimeNs now_ns) const;
  bool room_for(Class cls) const;

  // deadline_scheduler.cc
  TimeNs residual_ns(const Execution& execution, TimeNs now_ns) const;
  void learn(const Execution& execution, TimeNs computed_ns, TimeNs now_ns);
  bool can_yield(const Execution& execution, Class to) const;
  TimeNs step_ns(const Execution& execution) const;
  TimeNs lasts_ns(const Variant& variant, TimeNs cost_ns) const;
  TimeNs computes_within_ns(const Variant& variant, TimeNs time_ns) const;
  Lanes lanes_for(Class cls, TimeNs now_ns) const;
  void unqueue(uint32_t index);
  void forget(uint32_t index);
  EdfForest::Tree& queue_of(const RequestState& state);
  void take_instance(const Execution& execution);
  void give_instance(const Execution& execution);
  bool has_instance(const ModelState& model, uint32_t variant, uint32_t choice) const;
  bool has_instance_for(const RequestState& state) const;
  void occupy(ExecutionId execution, uint64_t slots);
  void vacate(ExecutionId execution);
  Execution& live(ExecutionId execution, const char* what);

  SchedulerOptions options_;
  std::vector<RequestState> requests_;
  std::vector<uint32_t> free_requests_;       // a stack
  std::array<uint32_t, kClassCount> held_{};  // requests that wait or run
  uint64_t order_ = 0;
  EdfForest queue_forest_;  // of the models' queues and the slots' guaranteed ones
  EdfForest hard_forest_;   // every hard request that waits, by latest start
  EdfForest::Tree hard_;
  std::vector<std::unique_ptr<ModelState>> models_;
  std::array<uint64_t, kClassCount> waiting_{};  // models with requests of a class; of guaranteed: slots
  std::vector<Stream> streams_;
  std::vector<Slot> slots_;
  uint64_t idle_ = 0;
  std::vector<Execution> executions_;
  std::vector<Contract> contracts_;  // of one slot, while it is tested
  std::vector<uint32_t> scratch_;    // candidates for a batch
  double share_ = 1;                 // of a slot's time that streams leave, at least
  TimeNs burst_ns_ = 0;              // the most that one slot's streams may ask for at once
  std::array<uint32_t, EdfForest::kSlopesMax> slope_slots_{};
  uint32_t queued_ = 0, running_ = 0, live_ = 0;
  TimeNs recheck_at_ = kNever;  // whether what was about to end, and therefore not asked to yield, did
};

}  // namespace tercel::sched
