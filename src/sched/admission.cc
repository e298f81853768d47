#include <algorithm>
#include <bit>
#include <cmath>

#include "sched/capacity.h"
#include "sched/deadline_scheduler.h"
#include "sched/faults.h"

namespace tercel::sched {
namespace {

// A batch that serves this share of the rows per second of a full one counts as good as full.
constexpr double kEfficient = 0.96;
// Another model's batch starts somewhere in the time that is waited for it: half way, and nobody joins after that.
constexpr double kJoinsUntil = 0.5;

}  // namespace

uint32_t DeadlineScheduler::variant_last(const ModelState& model, float min_accuracy) const {
  if (model.variants[0].accuracy < min_accuracy) return kNone;
  if (model.options.policy == VariantPolicy::kOff) return 0;
  uint32_t last = 0;
  while (last + 1 < model.variants.size() && model.variants[last + 1].accuracy >= min_accuracy) ++last;
  return last;
}

// What is less urgent may not fill the queue.
bool DeadlineScheduler::full(const ModelState& model, Class cls) const {
  if (const uint32_t most = model.options.queue_max; most > 0) {
    const auto& held = model.held;
    const uint32_t other = held[static_cast<uint32_t>(Class::kSoft)] + held[static_cast<uint32_t>(Class::kBulk)];
    if (held[static_cast<uint32_t>(Class::kHard)] + other >= most + most / 3) return true;
    if (cls >= Class::kSoft && other >= most) return true;
  }
  const uint32_t bulk = held_[static_cast<uint32_t>(Class::kBulk)], soft = held_[static_cast<uint32_t>(Class::kSoft)];
  if (held_[static_cast<uint32_t>(Class::kHard)] + soft + bulk >= options_.queue_max) return true;
  if (cls == Class::kBulk) return bulk >= options_.bulk_max || soft + bulk >= options_.soft_max;
  if (cls == Class::kSoft) return soft + bulk >= options_.soft_max;
  return false;
}

Refusal DeadlineScheduler::unacceptable(const Request& request) const {
  if (request.model >= kModelsMax || !models_[request.model]) return Refusal::kUnknownModel;
  const ModelState& model = *models_[request.model];
  if (request.rows < 1 || request.rows > model.options.rows_max) return Refusal::kRows;
  if (variant_last(model, request.min_accuracy) == kNone) return Refusal::kAccuracy;
  const TimeNs block = block_of(model, request.rows);
  const bool bearable = std::any_of(slots_.begin(), slots_.end(), [&](const Slot& s) { return block <= s.allowance_ns; });
  if (!bearable && request.cls != Class::kGuaranteed) return Refusal::kBlocking;
  return Refusal::kNone;
}

Admission DeadlineScheduler::refuse(Refusal refusal, TimeNs retry_after_ns) const {
  return {.refusal = refusal, .retry_after_ns = retry_after_ns};
}

Admission DeadlineScheduler::admit(const Request& request, TimeNs now_ns) {
  const Refusal wrong = unacceptable(request);
  if (wrong != Refusal::kNone) return {.refusal = wrong, .cls = request.cls};
  if (request.cls == Class::kGuaranteed) return admit_guaranteed(request, now_ns);
  if (request.cls == Class::kHard) return admit_hard(request, now_ns);
  return admit_other(request);
}

Ticket DeadlineScheduler::enqueue(const RequestState& state, uint32_t index) {
  const Class cls = state.request.cls;
  const TimeNs at = cls == Class::kBulk ? 0 : state.request.deadline_ns;
  EdfForest::Tree& queue = queue_of(state);
  queue_forest_.insert(queue, index, {{at, state.order}, state.batch_latest_ns, state.weight_ns, state.request.rows});
  if (cls == Class::kHard) {
    hard_forest_.insert(hard_, index,
                        {{state.start_latest_ns, state.order}, state.batch_latest_ns, state.weight_ns, state.request.rows});
  }
  const uint32_t bit = cls == Class::kGuaranteed ? streams_[state.request.stream].slot : state.request.model;
  waiting_[static_cast<uint32_t>(cls)] |= uint64_t{1} << bit;
  ModelState& model = *models_[state.request.model];
  ++model.users;
  ++model.queued;
  ++model.held[static_cast<uint32_t>(cls)];
  ++queued_;
  if (cls == Class::kGuaranteed) ++streams_[state.request.stream].held;
  ++held_[static_cast<uint32_t>(cls)];
  RequestState& kept = requests_[index];
  const uint32_t generation = kept.generation;
  kept = state;
  kept.generation = generation;
  kept.where = Where::kQueued;
  return {index, generation};
}

// A stream's request inside its contract is served in any case: that is what was tested. The excess is not refused outright:
// it competes as a hard request, behind every stream, so it costs no other stream anything.
Admission DeadlineScheduler::admit_guaranteed(const Request& request, TimeNs now_ns) {
  const auto no = [](Refusal refusal) { return Admission{.refusal = refusal, .cls = Class::kGuaranteed}; };
  if (request.stream >= kStreamsMax || !streams_[request.stream].used) return no(Refusal::kStream);
  Stream& stream = streams_[request.stream];
  if (stream.reservation.model != request.model || request.rows > stream.reservation.rows) return no(Refusal::kStream);
  if (request.deadline_ns == kNever) return no(Refusal::kNoDeadline);
  const bool in_time = request.deadline_ns >= request.arrival_ns + stream.reservation.deadline_ns;
  const bool inside = in_time && stream.held < kStreamQueueMax && stream.policer.conforms(request.arrival_ns);
  if (!inside && !planted(Fault::kTrustStreams)) {
    Request excess = request;
    excess.cls = Class::kHard;
    return admit_hard(excess, now_ns);
  }
  if (free_requests_.empty()) return no(Refusal::kQueueFull);
  const CostModel& cost = models_[request.model]->variants[0].cost;
  RequestState state{.request = request, .order = ++order_};
  state.start_latest_ns = request.deadline_ns - cost.expected(request.rows);
  state.weight_ns = cost.worst(request.rows);
  if (state.start_latest_ns < now_ns) return no(request.deadline_ns <= now_ns ? Refusal::kPast : Refusal::kTooShort);
  const uint32_t index = free_requests_.back();
  free_requests_.pop_back();
  return {.cls = Class::kGuaranteed, .ticket = enqueue(state, index)};
}

Admission DeadlineScheduler::admit_other(const Request& request) {
  const ModelState& model = *models_[request.model];
  if (full(model, request.cls)) return refuse(Refusal::kQueueFull);
  RequestState state{.request = request, .order = ++order_};
  if (request.cls == Class::kBulk) state.request.deadline_ns = kNever;
  state.variant_last = variant_last(model, request.min_accuracy);
  const CostModel& cost = model.variants[state.variant_last].cost;
  state.rows_cap = model.options.rows_max;
  if (state.request.deadline_ns != kNever)
    state.start_latest_ns = state.batch_latest_ns = request.deadline_ns - cost.high(request.rows);
  state.weight_ns = cost.expected(model.options.rows_max) / model.options.rows_max * request.rows;
  const uint32_t index = free_requests_.back();
  free_requests_.pop_back();
  return {.cls = request.cls, .ticket = enqueue(state, index)};
}

// Rows that a batch is sure to hold where requests of several rows don't fill it exactly: any two batches that follow each
// other hold more than one batch full, and no batch leaves room for the widest request.
uint32_t DeadlineScheduler::usable_rows(const ModelState& model, uint32_t cap) const {
  const uint32_t widest = std::min(model.rows_most, cap);
  if (model.rows_least == model.rows_most) return cap / widest * widest;
  return std::max(cap - widest + 1, (cap + 1) / 2);
}

// While fewer rows a batch keep up with what arrives, a batch need not be full to be sustainable, and its leader may wait
// longer. Only told where this model has the slots to itself.
bool DeadlineScheduler::few_rows_suffice(const ModelState& model, const CostModel& cost, uint32_t cap, uint32_t& rows) const {
  const double rate = model.hard_arrivals.rows_per_ns();
  const double slots = share_ * options_.slots;
  uint32_t n = cap;
  while (n > 1 && static_cast<double>(n - 1) * static_cast<double>(cost.expected(cap)) >=
                      kEfficient * cap * static_cast<double>(cost.expected(n - 1)))
    --n;
  if (n * slots < rate * static_cast<double>(cost.expected(n))) return false;
  rows = n;
  return true;
}

// Work of other models that starts before this request: what waits in front of it, and the rows that are likely to join until
// then. A batch in front may grow by requests that stand behind, up to its end.
TimeNs DeadlineScheduler::work_of_others(const RequestState& state, TimeNs own_ns, const Lanes& lanes) const {
  const TimeNs waits = std::max<TimeNs>(hard_forest_.before(hard_, {state.start_latest_ns, state.order}).weight_ns - own_ns, 0);
  const auto until = static_cast<double>(fill_level(lanes.span(), share_, waits));
  TimeNs work = waits;
  for (uint64_t left = waiting_[1] & ~(uint64_t{1} << state.request.model); left != 0; left &= left - 1) {
    const ModelState& model = *models_[static_cast<uint32_t>(std::countr_zero(left))];
    const RequestState& first = requests_[queue_forest_.first(model.queues[static_cast<uint32_t>(Class::kHard)])];
    if (first.start_latest_ns > state.start_latest_ns) continue;
    if (first.rows_cap < 2) continue;
    const CostModel& cost = model.variants[first.variant_last].cost;
    const double row = static_cast<double>(cost.high(first.rows_cap) - cost.high(1)) / (first.rows_cap - 1);
    work += static_cast<TimeNs>(std::min(kJoinsUntil * model.hard_arrivals.rows_per_ns() * until, first.rows_cap - 1.0) * row);
  }
  return work;
}

// Predicts the finish, and chooses the thread count with which it is promised.
bool DeadlineScheduler::finishes_in_time(RequestState& state, const Lanes& lanes, TimeNs now_ns, TimeNs& finish_ns) const {
  const Request& request = state.request;
  const ModelState& model = *models_[request.model];
  const CostModel& cost = model.variants[state.variant_last].cost;
  const uint32_t cap = state.rows_cap;
  const EdfForest::Tree& queue = model.queues[static_cast<uint32_t>(Class::kHard)];
  const EdfForest::Sums own = queue_forest_.before(queue, {request.deadline_ns, state.order});
  const TimeNs others = hard_.count > queue.count ? work_of_others(state, own.weight_ns, lanes) : 0;

  // Its place in its model's batches: `full` of them in front, `joined` rows in the one that it is in.
  const auto rows_ahead = static_cast<uint32_t>(own.rows);
  const uint32_t usable = usable_rows(model, cap);
  const TimeNs work = lanes.yielded_ns + others + static_cast<TimeNs>((rows_ahead + request.rows - 1) / usable) * cost.high(cap);
  uint32_t joined = std::min(rows_ahead % usable + request.rows, model.options.rows_max);
  const TimeNs start = fill_level(lanes.span(), share_, work);
  if (start > 0) {
    // Others will join while it waits. A batch that is not full costs efficiency exactly when that is short.
    uint32_t later = cap;
    if (hard_.count == queue.count) few_rows_suffice(model, cost, cap, later);
    joined = std::max(joined, later);
  }
  const TimeNs runs = lasts_ns(model.variants[state.variant_last], cost.high(joined));
  finish_ns = now_ns + start + runs;
  state.batch_latest_ns = request.deadline_ns - runs;
  if (finish_ns <= request.deadline_ns) return true;
  if (work > 0 || rows_ahead > 0) return false;
  for (uint32_t choice = 1; choice < cost.choices() && cost.threads(choice) <= lanes.count; ++choice) {
    const TimeNs lasts = lasts_ns(model.variants[state.variant_last], cost.high(request.rows, choice));
    const TimeNs wide = now_ns + lanes.free_in_ns[cost.threads(choice) - 1] + lasts;
    if (wide > request.deadline_ns) continue;
    finish_ns = wide;
    state.choice = choice;
    state.batch_latest_ns = request.deadline_ns - lasts;
    return true;
  }
  return false;
}

// By how much work the slots are short; 0 when they are not. `slack` by slope; one slope that holds is proof.
TimeNs DeadlineScheduler::overload(const std::array<double, EdfForest::kSlopesMax>& slack, const Lanes& lanes, TimeNs extra_ns,
                                   TimeNs now_ns) const {
  double least = 1e18;
  for (uint32_t s = 0; s < hard_forest_.slopes(); ++s) {
    double busy = static_cast<double>(extra_ns + lanes.yielded_ns);
    for (uint32_t i = 0; i < slope_slots_[s]; ++i) busy += share_ * static_cast<double>(lanes.free_in_ns[i]);
    least = std::min(least, busy + hard_forest_.slope(s) * static_cast<double>(now_ns) - slack[s]);
  }
  return least <= 0 ? 0 : static_cast<TimeNs>(std::min(least, 1e15)) + 1;
}

TimeNs DeadlineScheduler::overload_of_later(const RequestState& state, const Lanes& lanes, TimeNs now_ns) const {
  std::array<double, EdfForest::kSlopesMax> slack{};
  for (uint32_t s = 0; s < hard_forest_.slopes(); ++s) {
    slack[s] = hard_forest_.slack_behind(hard_, {state.start_latest_ns, state.order}, s);
  }
  return overload(slack, lanes, state.weight_ns, now_ns);
}

// Costs are learned from runs: where nothing is admitted because some runs were slow once, nobody would ever find out that they
// no longer are. So one of several goes all the same, behind no other hard request, when it would make it at the median. Its run
// then counts for those that were refused before it (completed()).
bool DeadlineScheduler::may_probe(ModelState& model, RequestState& state, TimeNs now_ns) const {
  if (++model.refused_unseen <= kProbeOneOf || hard_.count > 0) return false;
  const TimeNs expected = model.variants[state.variant_last].cost.expected(state.request.rows);
  if (now_ns + lanes_for(Class::kHard, now_ns).free_in_ns[0] + expected > state.request.deadline_ns) return false;
  model.refused_unseen = 0;
  state.start_latest_ns = state.batch_latest_ns = state.request.deadline_ns - expected;
  state.is_probe = true;
  return true;
}

// On how many slots the variant can compute at once.
uint32_t DeadlineScheduler::instances_of(const Variant& variant) const {
  return variant.instances == 0 ? options_.slots : std::min(variant.instances, options_.slots);
}

Admission DeadlineScheduler::admit_hard(const Request& request, TimeNs now_ns) {
  if (request.deadline_ns == kNever) return refuse(Refusal::kNoDeadline);
  if (request.deadline_ns <= now_ns) return refuse(Refusal::kPast);
  ModelState& model = *models_[request.model];
  model.hard_arrivals.arrived(request.arrival_ns, request.rows);
  RequestState state{.request = request, .order = order_ + 1};
  state.variant_last = variant_last(model, request.min_accuracy);
  const Variant& cheapest = model.variants[state.variant_last];
  const CostModel& cost = cheapest.cost;

  // Batches longer than half the time a request has can't follow each other: who just misses one is late for the next.
  const TimeNs allowed = request.deadline_ns - std::min(request.arrival_ns, now_ns);
  state.rows_cap = std::max(request.rows, cost.rows_within(allowed / 2, model.options.rows_max));
  if (cheapest.longest_step_ns == 0) {
    TimeNs allowance = 0;
    for (const Slot& s : slots_) allowance = std::max(allowance, s.allowance_ns);
    state.rows_cap = std::max(request.rows, cost.rows_blocking(allowance, state.rows_cap));
  }
  const bool alone = model.queues[static_cast<uint32_t>(Class::kHard)].empty();
  model.rows_least = alone ? request.rows : std::min(model.rows_least, request.rows);
  model.rows_most = alone ? request.rows : std::max(model.rows_most, request.rows);
  const uint32_t usable = usable_rows(model, state.rows_cap);
  state.weight_ns = alone ? cost.high(request.rows) : cost.high(state.rows_cap) / usable * request.rows;
  state.start_latest_ns = request.deadline_ns - lasts_ns(cheapest, cost.high(request.rows));

  TimeNs shortest = cost.high(request.rows);
  for (uint32_t c = 1; c < cost.choices() && cost.threads(c) <= options_.slots; ++c)
    shortest = std::min(shortest, cost.high(request.rows, c));
  if (now_ns + lasts_ns(cheapest, shortest) > request.deadline_ns && !may_probe(model, state, now_ns))
    return refuse(Refusal::kTooShort);
  if (full(model, Class::kHard)) return refuse(Refusal::kQueueFull, queue_forest_.total(model.queues[1]).weight_ns);

  Lanes lanes = lanes_for(Class::kHard, now_ns);
  lanes.count = std::min(lanes.count, instances_of(cheapest));
  TimeNs finish = 0;
  if (state.is_probe) {
    finish = request.deadline_ns;
  } else if (!finishes_in_time(state, lanes, now_ns, finish) && !planted(Fault::kAdmitAll)) {
    return refuse(Refusal::kOverload, finish - request.deadline_ns);
  }
  if (state.choice > 0) {
    state.start_latest_ns = request.deadline_ns - lasts_ns(cheapest, cost.high(request.rows, state.choice));
    state.weight_ns = cost.high(request.rows, state.choice) * cost.threads(state.choice);
  }
  const TimeNs short_of = overload_of_later(state, lanes, now_ns);
  if (short_of > 0 && !planted(Fault::kAdmitAll)) return refuse(Refusal::kOverload, short_of);
  ++order_;
  const uint32_t index = free_requests_.back();
  free_requests_.pop_back();
  return {.cls = Class::kHard, .ticket = enqueue(state, index), .predicted_finish_ns = finish, .is_probe = state.is_probe};
}

}  // namespace tercel::sched
