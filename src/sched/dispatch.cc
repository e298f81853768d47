#include <algorithm>
#include <bit>
#include <limits>

#include "sched/deadline_scheduler.h"
#include "sched/faults.h"

// What to do next: expire, cancel, start, ask to yield; in this order.
namespace tercel::sched {

std::optional<Decision> DeadlineScheduler::next(TimeNs now_ns) {
  if (auto decision = expire(now_ns)) return decision;
  if (auto decision = abandon(now_ns)) return decision;
  if (auto decision = dispatch(now_ns)) return decision;
  return preempt(now_ns);
}

std::optional<Decision> DeadlineScheduler::expire(TimeNs now_ns) {
  if (planted(Fault::kStartLate)) return std::nullopt;
  const auto expired = [&](uint32_t index) { return index != kNone && requests_[index].start_latest_ns < now_ns; };
  uint32_t index = hard_forest_.first(hard_);
  for (uint64_t left = waiting_[0]; left != 0 && !expired(index); left &= left - 1) {
    index = queue_forest_.first(slots_[static_cast<uint32_t>(std::countr_zero(left))].guaranteed);
  }
  if (!expired(index)) return std::nullopt;
  const RequestState& state = requests_[index];
  const Decision decision{.kind = Decision::Kind::kExpire, .request = state.request.id, .model = state.request.model};
  unqueue(index);
  forget(index);
  return decision;
}

// Work that nobody waits for: its clients are gone, or all of it was hard and is late.
std::optional<Decision> DeadlineScheduler::abandon(TimeNs now_ns) {
  if (live_ == 0) return std::nullopt;
  for (ExecutionId id = 0; id < executions_.size(); ++id) {
    Execution& e = executions_[id];
    if (e.state == Execution::State::kFree || e.asked_to_cancel || (e.waiting > 0 && now_ns <= e.worthless_at_ns)) continue;
    e.asked_to_cancel = true;
    return Decision{.kind = Decision::Kind::kCancel, .execution = id, .model = e.model, .variant = e.variant, .slots = e.slots};
  }
  return std::nullopt;
}

std::optional<Decision> DeadlineScheduler::dispatch(TimeNs now_ns) {
  if (idle_ == 0) return std::nullopt;
  if (planted(Fault::kIdleWithWork) && (idle_ & (idle_ - 1)) == 0 && options_.slots > 1) return std::nullopt;
  if (auto decision = dispatch_guaranteed(now_ns)) return decision;
  bool held = false;
  for (const Class cls : {Class::kHard, Class::kSoft, Class::kBulk}) {
    if (planted(Fault::kStarveBulk) && cls == Class::kBulk && running_ > 0) continue;
    if (auto decision = dispatch_class(cls, now_ns, held)) return decision;
    if (held) break;
  }
  return std::nullopt;
}

std::optional<Decision> DeadlineScheduler::dispatch_guaranteed(TimeNs now_ns) {
  const uint64_t ready = waiting_[0] & idle_;
  if (ready == 0) return std::nullopt;
  const auto slot = static_cast<uint32_t>(std::countr_zero(ready));
  const uint32_t index = queue_forest_.first(slots_[slot].guaranteed);
  const Batch batch{.count = 1, .rows = requests_[index].request.rows, .slots = uint64_t{1} << slot};
  return start(batch, Class::kGuaranteed, {&index, 1}, now_ns);
}

// Every yielded execution keeps an arena, so there are few, and some are kept free for what is more urgent.
bool DeadlineScheduler::room_for(Class cls) const {
  if (cls == Class::kBulk) return live_ + options_.slots < options_.live_max + 1;
  return live_ < options_.live_max + (cls == Class::kHard ? options_.slots : 0);
}

EdfKey DeadlineScheduler::place_of(uint32_t index) const {
  const RequestState& state = requests_[index];
  return {state.request.cls == Class::kBulk ? 0 : state.start_latest_ns, state.order};
}

// Of those behind `after`.
ExecutionId DeadlineScheduler::most_urgent_yielded(Class cls, const EdfKey& after) const {
  ExecutionId best = kNone;
  if (live_ == running_) return best;
  for (ExecutionId id = 0; id < executions_.size(); ++id) {
    const Execution& e = executions_[id];
    if (e.state != Execution::State::kYielded || e.cls != cls || e.asked_to_cancel || !(after < e.place)) continue;
    if (best == kNone || e.place < executions_[best].place) best = id;
  }
  return best;
}

ModelId DeadlineScheduler::most_urgent_model(Class cls, uint64_t models, EdfKey& place) const {
  ModelId best = kNone;
  for (uint64_t left = models; left != 0; left &= left - 1) {
    const auto model = static_cast<ModelId>(std::countr_zero(left));
    const EdfKey at = place_of(queue_forest_.first(models_[model]->queues[static_cast<uint32_t>(cls)]));
    if (best != kNone && !(at < place)) continue;
    best = model;
    place = at;
  }
  return best;
}

std::optional<Decision> DeadlineScheduler::dispatch_class(Class cls, TimeNs now_ns, bool& held) {
  uint64_t models = waiting_[static_cast<uint32_t>(cls)];
  ExecutionId yielded = most_urgent_yielded(cls, {std::numeric_limits<TimeNs>::min(), 0});
  while (models != 0 || yielded != kNone) {
    EdfKey place;
    const ModelId model = most_urgent_model(cls, models, place);
    if (yielded != kNone && (model == kNone || executions_[yielded].place < place)) {
      if (auto decision = resume(yielded, now_ns)) return decision;
      yielded = most_urgent_yielded(cls, executions_[yielded].place);
      continue;
    }
    models &= ~(uint64_t{1} << model);
    if (!room_for(cls)) continue;
    Batch batch;
    bool waits = false;
    if (plan_batch(*models_[model], cls, now_ns, batch, waits)) return start(batch, cls, scratch_, now_ns);
    if (waits) {
      held = true;
      return std::nullopt;
    }
  }
  return std::nullopt;
}

std::optional<Decision> DeadlineScheduler::resume(ExecutionId execution, TimeNs now_ns) {
  Execution& e = executions_[execution];
  const uint32_t threads = models_[e.model]->variants[e.variant].cost.threads(e.choice);
  if (static_cast<uint32_t>(std::popcount(idle_)) < threads) return std::nullopt;
  TimeNs allowance = kNever;
  const uint64_t slots = pick_slots(threads, allowance);
  if (step_ns(e) > allowance) return std::nullopt;
  e.started_ns = now_ns;
  if (e.cls == Class::kHard) e.predicted_ns = lasts_ns(models_[e.model]->variants[e.variant], e.predicted_ns);
  occupy(execution, slots);
  return decision_of(execution, true, now_ns);
}

Decision DeadlineScheduler::start(const Batch& batch, Class cls, std::span<const uint32_t> members, TimeNs now_ns) {
  const auto free =
      std::find_if(executions_.begin(), executions_.end(), [](const Execution& e) { return e.state == Execution::State::kFree; });
  check(free != executions_.end(), "more executions than a scheduler has room for");
  const auto id = static_cast<ExecutionId>(free - executions_.begin());
  check(members.size() == batch.count, "a batch of other members than were planned");
  Execution& e = *free;
  const RequestState& first = requests_[members[0]];
  e.cls = cls;
  e.model = first.request.model;
  e.variant = batch.variant;
  e.choice = batch.choice;
  e.rows = batch.rows;
  e.started_ns = now_ns;
  e.place = place_of(members[0]);
  e.asked_to_yield = e.asked_to_cancel = false;
  e.members.clear();
  e.requests.clear();
  TimeNs last_deadline = 0;
  for (const uint32_t index : members) {
    RequestState& state = requests_[index];
    unqueue(index);
    state.where = Where::kRunning;
    state.cancelled = false;
    state.execution = id;
    last_deadline = std::max(last_deadline, state.request.cls <= Class::kHard ? state.request.deadline_ns : kNever);
    e.requests.push_back(index);
    e.members.push_back({state.request.id, state.request.cls, state.request.deadline_ns, state.request.rows});
  }
  if (planted(Fault::kLoseMember) && e.members.size() > 2) e.members.pop_back();
  e.worthless_at_ns = last_deadline;
  e.waiting = static_cast<uint32_t>(members.size());
  const Variant& variant = models_[e.model]->variants[e.variant];
  e.predicted_ns = variant.cost.high(e.rows, e.choice);
  if (cls == Class::kHard) e.predicted_ns = lasts_ns(variant, e.predicted_ns);
  ++live_;
  take_instance(e);
  occupy(id, batch.slots);
  return decision_of(id, false, now_ns);
}

Decision DeadlineScheduler::decision_of(ExecutionId execution, bool resumed, TimeNs now_ns) const {
  const Execution& e = executions_[execution];
  TimeNs latest = kNever;
  if (!resumed && e.cls == Class::kGuaranteed) latest = requests_[e.requests[0]].start_latest_ns;
  if (!resumed && e.cls == Class::kHard) latest = std::max(now_ns, e.members[0].deadline_ns - e.predicted_ns);
  return {.kind = Decision::Kind::kStart,
          .execution = execution,
          .model = e.model,
          .variant = e.variant,
          .slots = e.slots,
          .resumed = resumed,
          .start_earliest_ns = now_ns,
          .start_latest_ns = latest,
          .members = e.members};
}

// Asks one execution on `slots` to yield to work of class `cls`: the least urgent, of those the one with most left to do. Not
// when it, or as many others as are needed, will be done within the time that yielding may take, unless the work has waited
// that long already.
std::optional<Decision> DeadlineScheduler::preempt_for(Class cls, uint64_t slots, uint32_t needed, TimeNs waits_since_ns,
                                                       TimeNs now_ns) {
  ExecutionId victim = kNone;
  TimeNs victim_left = 0, recheck_after = 0;
  uint64_t soon = 0;
  for (uint64_t left = slots; left != 0; left &= left - 1) {
    const ExecutionId id = slots_[static_cast<uint32_t>(std::countr_zero(left))].execution;
    if (id == kNone) continue;
    const Execution& e = executions_[id];
    const TimeNs residual = residual_ns(e, now_ns);
    const bool ends_soon = can_yield(e, cls) && residual <= step_ns(e) && now_ns <= e.started_ns + e.predicted_ns;
    if (ends_soon) recheck_after = std::max(recheck_after, step_ns(e));
    if (e.asked_to_yield || e.asked_to_cancel || ends_soon) soon |= e.slots;
    if (soon & e.slots || !can_yield(e, cls)) continue;
    if (victim != kNone && (e.cls < executions_[victim].cls || (e.cls == executions_[victim].cls && residual <= victim_left)))
      continue;
    victim = id;
    victim_left = residual;
  }
  if (static_cast<uint32_t>(std::popcount(soon)) >= needed || victim == kNone) {
    if (recheck_after > 0) recheck_at_ = std::min(recheck_at_, now_ns + recheck_after);
    return std::nullopt;
  }
  const bool patient = now_ns - waits_since_ns <= step_ns(executions_[victim]);
  for (uint64_t left = patient ? slots & ~soon : 0; left != 0; left &= left - 1) {
    const ExecutionId id = slots_[static_cast<uint32_t>(std::countr_zero(left))].execution;
    if (id == kNone || id == victim || now_ns > executions_[id].started_ns + executions_[id].predicted_ns) continue;
    if (residual_ns(executions_[id], now_ns) > step_ns(executions_[victim]) || --needed > 0) continue;
    recheck_at_ = std::min(recheck_at_, now_ns + step_ns(executions_[victim]));
    return std::nullopt;
  }
  executions_[victim].asked_to_yield = true;
  return Decision{.kind = Decision::Kind::kPreempt,
                  .execution = victim,
                  .model = executions_[victim].model,
                  .variant = executions_[victim].variant,
                  .slots = executions_[victim].slots};
}

std::optional<Decision> DeadlineScheduler::preempt(TimeNs now_ns) {
  recheck_at_ = kNever;
  if (planted(Fault::kForgetPreempt)) return std::nullopt;
  for (uint64_t left = waiting_[0] & ~idle_; left != 0; left &= left - 1) {
    if (auto decision = preempt_for(Class::kGuaranteed, left & -left, 1, now_ns, now_ns)) return decision;
  }
  const uint64_t all = options_.slots == 64 ? ~uint64_t{0} : (uint64_t{1} << options_.slots) - 1;
  for (const Class cls : {Class::kHard, Class::kSoft}) {
    uint32_t needed = 0;
    TimeNs since = now_ns;
    for (uint64_t left = waiting_[static_cast<uint32_t>(cls)]; left != 0; left &= left - 1) {
      const ModelState& model = *models_[static_cast<uint32_t>(std::countr_zero(left))];
      const RequestState& first = requests_[queue_forest_.first(model.queues[static_cast<uint32_t>(cls)])];
      if (!has_instance_for(first)) continue;
      since = std::min(since, first.request.arrival_ns);
      needed += model.variants[first.variant_last].cost.threads(first.choice);
    }
    if (needed == 0) continue;
    if (auto decision = preempt_for(cls, all & ~idle_, std::min(needed, options_.slots), since, now_ns)) return decision;
  }
  return std::nullopt;
}

}  // namespace tercel::sched
