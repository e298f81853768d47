#include "sched/deadline_scheduler.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <span>
#include <string>

#include "sched/faults.h"

namespace tercel::sched {
namespace {

// A variant that was not run for so long is no longer judged by its own runs alone. Where it is slower than the others'
// runs tell, about three batches in that time find it out.
constexpr TimeNs kForgottenNs = 10'000'000'000;

}  // namespace

DeadlineScheduler::DeadlineScheduler(const SchedulerOptions& options)
    : options_(options),
      requests_(options.queue_max + kStreamsMax * kStreamQueueMax),
      queue_forest_(static_cast<uint32_t>(requests_.size())),
      hard_forest_(static_cast<uint32_t>(requests_.size())),
      models_(kModelsMax),
      streams_(kStreamsMax),
      slots_(options.slots) {
  check(options.slots >= 1 && options.slots <= kSlotsMax, "a scheduler has 1 to kSlotsMax slots");
  check(options.queue_max >= 1 && options.queue_max <= kQueuedMax, "a scheduler queues 1 to kQueuedMax requests");
  if (options_.soft_max == 0) options_.soft_max = std::max(options.queue_max / 4 * 3, 1u);
  if (options_.bulk_max == 0) options_.bulk_max = std::max(options.queue_max / 2, 1u);
  if (options_.live_max == 0) options_.live_max = 2 * options.slots + 2;
  options_.live_max = std::max(options_.live_max, 2 * options.slots);
  for (uint32_t i = static_cast<uint32_t>(requests_.size()); i > 0; --i) free_requests_.push_back(i - 1);
  idle_ = options.slots == 64 ? ~uint64_t{0} : (uint64_t{1} << options.slots) - 1;
  executions_.resize(options_.live_max + 2 * options.slots);
  for (Execution& e : executions_) {
    e.members.reserve(kBatchRowsMax);
    e.requests.reserve(kBatchRowsMax);
  }
  contracts_.reserve(kStreamsMax + 1);
  scratch_.reserve(2 * kBatchRowsMax);
  set_slopes();
}

namespace {

Result<void> ordered(const ModelOptions& options) {
  if (options.variants.empty() || options.variants.size() > kVariantsMax) {
    return invalid("a ladder needs 1 to " + std::to_string(kVariantsMax) + " variants, not " +
                   std::to_string(options.variants.size()));
  }
  for (size_t i = 1; i < options.variants.size(); ++i) {
    if (options.variants[i].accuracy > options.variants[i - 1].accuracy) {
      return invalid("variant " + std::to_string(i) +
                     " of the ladder is more accurate than the one before; list the most accurate first");
    }
  }
  return {};
}

}  // namespace

Result<ModelId> DeadlineScheduler::add_model(const ModelOptions& options) {
  TRY(ordered(options));
  const auto free = std::find(models_.begin(), models_.end(), nullptr);
  if (free == models_.end()) return too_large("more than " + std::to_string(kModelsMax) + " models on one scheduler");
  auto model = std::make_unique<ModelState>();
  model->options = options;
  for (const VariantOptions& v : options.variants) {
    if (v.longest_step_ns < 0) return invalid("a longest step can't be negative");
    CostModel cost = TRY(CostModel::make(v.costs, options.rows_max, v.floor_ns));
    if (cost.threads(0) > options_.slots) {
      return invalid("a variant was measured with " + std::to_string(cost.threads(0)) + " threads or more, the scheduler has " +
                     std::to_string(options_.slots));
    }
    if (!model->variants.empty() && cost.worst(1) > model->variants.back().cost.worst(1)) {
      return invalid("a less accurate variant of the ladder is slower than the one before; leave it out");
    }
    Variant variant{v.accuracy, v.longest_step_ns, std::move(cost), v.instances};
    const auto choices = std::span(variant.free).first(variant.cost.choices());
    if (std::ranges::find(choices, 0u) == choices.end()) variant.instances = std::accumulate(choices.begin(), choices.end(), 0u);
    for (uint32_t& free : choices) free = free == 0 ? kNone : free;
    model->variants.push_back(std::move(variant));
  }
  const TimeNs block = block_of(*model, 1);
  const bool fits = std::any_of(slots_.begin(), slots_.end(), [&](const Slot& s) { return block <= s.allowance_ns; });
  if (!fits) {
    return Error(ErrorCode::kExhausted,
                 "even one row of the model would block the reserved streams for " + std::to_string(block / 1000) +
                     " us, longer than they allow; release a reservation or shorten the model's longest step");
  }
  *free = std::move(model);
  return static_cast<ModelId>(free - models_.begin());
}

Result<void> DeadlineScheduler::remove_model(ModelId model) {
  if (model >= kModelsMax || !models_[model]) return not_found("no model " + std::to_string(model) + " is scheduled");
  if (models_[model]->users > 0) {
    return Error(ErrorCode::kUnavailable,
                 "the model has " + std::to_string(models_[model]->users) + " requests or reservations left");
  }
  models_[model].reset();
  return {};
}

EdfForest::Tree& DeadlineScheduler::queue_of(const RequestState& state) {
  const Request& r = state.request;
  if (r.cls == Class::kGuaranteed) return slots_[streams_[r.stream].slot].guaranteed;
  return models_[r.model]->queues[static_cast<uint32_t>(r.cls)];
}

void DeadlineScheduler::unqueue(uint32_t index) {
  RequestState& state = requests_[index];
  EdfForest::Tree& queue = queue_of(state);
  queue_forest_.erase(queue, index);
  if (state.request.cls == Class::kHard) hard_forest_.erase(hard_, index);
  const uint32_t bit = state.request.cls == Class::kGuaranteed ? streams_[state.request.stream].slot : state.request.model;
  if (queue.empty()) waiting_[static_cast<uint32_t>(state.request.cls)] &= ~(uint64_t{1} << bit);
  --queued_;
  --models_[state.request.model]->queued;
}

void DeadlineScheduler::forget(uint32_t index) {
  RequestState& state = requests_[index];
  if (state.request.cls == Class::kGuaranteed) --streams_[state.request.stream].held;
  --held_[static_cast<uint32_t>(state.request.cls)];
  ModelState& model = *models_[state.request.model];
  --model.held[static_cast<uint32_t>(state.request.cls)];
  --model.users;
  state.where = Where::kFree;
  ++state.generation;
  free_requests_.push_back(index);
}

bool DeadlineScheduler::cancel(Ticket ticket, TimeNs) {
  if (ticket.index >= requests_.size()) return false;
  RequestState& state = requests_[ticket.index];
  if (state.generation != ticket.generation || state.where == Where::kFree || state.cancelled) return false;
  if (state.where == Where::kQueued) {
    unqueue(ticket.index);
    forget(ticket.index);
    return true;
  }
  state.cancelled = true;
  --executions_[state.execution].waiting;
  return true;
}

uint32_t DeadlineScheduler::computing(ModelId model) const {
  const auto& held = models_[model]->held;
  return std::accumulate(held.begin(), held.end(), 0u) - models_[model]->queued;
}

bool DeadlineScheduler::waits(Ticket ticket) const {
  if (ticket.index >= requests_.size()) return false;
  const RequestState& state = requests_[ticket.index];
  return state.generation == ticket.generation && state.where == Where::kQueued;
}

Execution& DeadlineScheduler::live(ExecutionId execution, const char* what) {
  check(execution < executions_.size() && executions_[execution].state != Execution::State::kFree, what);
  return executions_[execution];
}

void DeadlineScheduler::occupy(ExecutionId execution, uint64_t slots) {
  executions_[execution].slots = slots;
  executions_[execution].state = Execution::State::kRunning;
  idle_ &= ~slots;
  for (uint64_t left = slots; left != 0; left &= left - 1)
    slots_[static_cast<uint32_t>(std::countr_zero(left))].execution = execution;
  ++running_;
}

void DeadlineScheduler::vacate(ExecutionId execution) {
  Execution& e = executions_[execution];
  for (uint64_t left = e.slots; left != 0; left &= left - 1)
    slots_[static_cast<uint32_t>(std::countr_zero(left))].execution = kNone;
  idle_ |= e.slots;
  e.slots = 0;
  --running_;
}

void DeadlineScheduler::take_instance(const Execution& execution) {
  uint32_t& free = models_[execution.model]->variants[execution.variant].free[execution.choice];
  check(free > 0, "an execution started without a free instance");
  if (free != kNone) --free;
}

void DeadlineScheduler::give_instance(const Execution& execution) {
  uint32_t& free = models_[execution.model]->variants[execution.variant].free[execution.choice];
  if (free != kNone) ++free;
}

// Streams have an instance on each slot that they may need one on at once.
bool DeadlineScheduler::has_instance(const ModelState& model, uint32_t variant, uint32_t choice) const {
  const uint32_t free = model.variants[variant].free[choice];
  return free > (variant == 0 && choice == 0 ? model.reserved_instances : 0);
}

bool DeadlineScheduler::has_instance_for(const RequestState& state) const {
  const ModelState& model = *models_[state.request.model];
  for (uint32_t v = 0; v <= state.variant_last; ++v) {
    for (uint32_t c = 0; c < model.variants[v].cost.choices(); ++c)
      if (has_instance(model, v, c)) return true;
  }
  return false;
}

void DeadlineScheduler::started(ExecutionId execution, TimeNs now_ns) {
  live(execution, "start of an unknown execution").started_ns = now_ns;
}

// What was not run for long is taken to be as much slower than measured as the cheaper variant that was: nothing else would
// ever tell that a variant whose last runs were slow is fast again, since nobody is given a variant that is thought too slow.
void DeadlineScheduler::learn(const Execution& execution, TimeNs computed_ns, TimeNs now_ns) {
  auto& variants = models_[execution.model]->variants;
  Variant& ran = variants[execution.variant];
  const uint32_t stands_for = requests_[execution.requests[0]].is_probe ? kProbeOneOf : 1;
  for (uint32_t i = 0; i < stands_for; ++i) ran.cost.observe(execution.rows, execution.choice, computed_ns);
  ran.observed_ns = now_ns;
  models_[execution.model]->refused_unseen = 0;
  const auto ratio = static_cast<double>(computed_ns) / static_cast<double>(ran.cost.prior(execution.rows, execution.choice));
  for (Variant& other : std::span(variants).first(execution.variant)) {
    if (now_ns - other.observed_ns < kForgottenNs || execution.choice >= other.cost.choices()) continue;
    const auto prior = static_cast<double>(other.cost.prior(execution.rows, execution.choice));
    other.cost.observe(execution.rows, execution.choice, static_cast<TimeNs>(prior * ratio));
  }
}

void DeadlineScheduler::completed(ExecutionId execution, TimeNs computed_ns, TimeNs now_ns) {
  Execution& e = live(execution, "completion of an unknown execution");
  if (e.state == Execution::State::kRunning) vacate(execution);
  if (computed_ns > 0 && !e.asked_to_cancel) learn(e, computed_ns, now_ns);
  give_instance(e);
  for (const uint32_t index : e.requests) forget(index);
  e.state = Execution::State::kFree;
  --live_;
}

void DeadlineScheduler::yielded(ExecutionId execution, TimeNs remaining_ns, TimeNs) {
  Execution& e = live(execution, "an unknown execution yielded");
  check(e.state == Execution::State::kRunning, "an execution yielded that does not run");
  vacate(execution);
  e.state = Execution::State::kYielded;
  e.predicted_ns = std::max<TimeNs>(remaining_ns, 1);
  e.asked_to_yield = false;
}

// Soft and bulk work yields to what is more urgent, hard work to reserved streams only: it was promised a finish.
bool DeadlineScheduler::can_yield(const Execution& execution, Class to) const {
  return execution.cls > to && (execution.cls >= Class::kSoft || to == Class::kGuaranteed) && step_ns(execution) > 0;
}

TimeNs DeadlineScheduler::step_ns(const Execution& execution) const {
  return models_[execution.model]->variants[execution.variant].longest_step_ns;
}

// An execution that runs longer than predicted is taken to need as long again as it is late: a hang makes admission careful
// by and by, a little lateness does not.
TimeNs DeadlineScheduler::residual_ns(const Execution& execution, TimeNs now_ns) const {
  constexpr TimeNs kLeast = 1'000;
  const TimeNs left = execution.started_ns + execution.predicted_ns - now_ns;
  return std::max({left, -left, kLeast});
}

// From start to end, when streams may interrupt it.
TimeNs DeadlineScheduler::lasts_ns(const Variant& variant, TimeNs cost_ns) const {
  if (variant.longest_step_ns == 0 || burst_ns_ == 0) return cost_ns;
  return burst_ns_ + static_cast<TimeNs>(static_cast<double>(cost_ns) / share_);
}

TimeNs DeadlineScheduler::computes_within_ns(const Variant& variant, TimeNs time_ns) const {
  if (variant.longest_step_ns == 0 || burst_ns_ == 0) return time_ns;
  return static_cast<TimeNs>(static_cast<double>(time_ns - burst_ns_) * share_);
}

DeadlineScheduler::Lanes DeadlineScheduler::lanes_for(Class cls, TimeNs now_ns) const {
  Lanes lanes;
  for (ExecutionId id = 0; id < executions_.size() && live_ > running_; ++id) {
    const Execution& e = executions_[id];
    if (e.state == Execution::State::kYielded && e.cls <= cls) lanes.yielded_ns += e.predicted_ns;
  }
  for (const Slot& slot : slots_) {
    TimeNs free_in = 0;
    if (slot.execution != kNone) {
      const Execution& e = executions_[slot.execution];
      free_in = residual_ns(e, now_ns);
      if (can_yield(e, cls)) free_in = std::min(free_in, step_ns(e));
    }
    free_in += queue_forest_.total(slot.guaranteed).weight_ns + slot.burst_ns;
    uint32_t at = lanes.count++;
    for (; at > 0 && lanes.free_in_ns[at - 1] > free_in; --at) lanes.free_in_ns[at] = lanes.free_in_ns[at - 1];
    lanes.free_in_ns[at] = free_in;
  }
  return lanes;
}

TimeNs DeadlineScheduler::wake_at() const {
  TimeNs at = recheck_at_;
  const auto expiry = [&](uint32_t index) {
    if (index != kNone && requests_[index].start_latest_ns != kNever) at = std::min(at, requests_[index].start_latest_ns + 1);
  };
  expiry(hard_forest_.first(hard_));
  for (uint64_t left = waiting_[0]; left != 0; left &= left - 1) {
    expiry(queue_forest_.first(slots_[static_cast<uint32_t>(std::countr_zero(left))].guaranteed));
  }
  for (const Slot& slot : slots_) {
    if (slot.execution == kNone) continue;
    const Execution& e = executions_[slot.execution];
    if (!e.asked_to_cancel && e.worthless_at_ns != kNever) at = std::min(at, e.worthless_at_ns + 1);
  }
  return at;
}

}  // namespace tercel::sched
