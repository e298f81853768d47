#include <algorithm>
#include <bit>

#include "sched/deadline_scheduler.h"
#include "sched/faults.h"

// Which requests of one model make the next batch, by which variant, on how many threads.
namespace tercel::sched {
namespace {

// Coming back to a more accurate variant takes a quarter more slack than staying with it, so that a queue at the edge does
// not switch with every batch.
constexpr double kReturnMargin = 1.25;
// Where nobody waits, only who may come at once after the start of an accurate batch would be refused for it. So many rows of
// them, on average, are no reason to degrade who is there.
constexpr double kRefusedRows = 0.01;

}  // namespace

// The idle slots that bear the longest blocking. `allowance_ns`: the least among them.
uint64_t DeadlineScheduler::pick_slots(uint32_t threads, TimeNs& allowance_ns) const {
  uint64_t picked = 0;
  allowance_ns = kNever;
  for (uint32_t i = 0; i < threads; ++i) {
    uint32_t best = kNone;
    for (uint64_t left = idle_ & ~picked; left != 0; left &= left - 1) {
      const auto slot = static_cast<uint32_t>(std::countr_zero(left));
      if (best == kNone || slots_[slot].allowance_ns > slots_[best].allowance_ns) best = slot;
    }
    picked |= uint64_t{1} << best;
    allowance_ns = std::min(allowance_ns, slots_[best].allowance_ns);
  }
  return picked;
}

// How long the batch may take so that everybody in it who can be in time is. Soft requests that are late already set no
// bound; the first that is not does.
TimeNs DeadlineScheduler::budget_of(const Variant& variant, uint32_t choice, Class cls, TimeNs now_ns) const {
  const CostModel& cost = variant.cost;
  if (cls == Class::kBulk) return kNever;
  if (cls == Class::kHard) return computes_within_ns(variant, requests_[scratch_[0]].request.deadline_ns - now_ns);
  uint32_t rows = 0;
  for (const uint32_t index : scratch_) {
    const Request& r = requests_[index].request;
    rows = std::min(rows + r.rows, cost.rows_max());
    if (r.deadline_ns == kNever) return kNever;
    if (now_ns + cost.high(rows, choice) <= r.deadline_ns) return r.deadline_ns - now_ns;
  }
  return kNever;
}

bool DeadlineScheduler::others_wait(const ModelState& model, Class cls) const {
  for (uint32_t c = static_cast<uint32_t>(Class::kHard); c < kClassCount; ++c) {
    for (uint64_t left = waiting_[c]; left != 0; left &= left - 1) {
      const ModelState* const other = models_[static_cast<uint32_t>(std::countr_zero(left))].get();
      if (other != &model || c != static_cast<uint32_t>(cls)) return true;
    }
  }
  return live_ > running_;
}

// The most rows of a batch: by what streams of its slots allow, and by the time that its first request has altogether.
uint32_t DeadlineScheduler::rows_cap(const ModelState& model, Class cls, const Batch& batch, TimeNs allowance_ns) const {
  const Variant& v = model.variants[batch.variant];
  const uint32_t cap = cls == Class::kHard ? requests_[scratch_[0]].rows_cap : v.cost.rows_max();
  if (v.longest_step_ns > 0) return v.longest_step_ns <= allowance_ns ? cap : 0;
  return v.cost.rows_blocking(allowance_ns, cap, batch.choice);
}

// Takes candidates in order, up to `rows_wanted` rows, while everybody's slack and the slots' streams bear it. The first is
// taken or nobody.
bool DeadlineScheduler::fill(const ModelState& model, Class cls, TimeNs now_ns, uint32_t rows_wanted, Batch& batch) const {
  const CostModel& cost = model.variants[batch.variant].cost;
  TimeNs allowance = kNever;
  batch.slots = pick_slots(cost.threads(batch.choice), allowance);
  const RequestState& first = requests_[scratch_[0]];
  uint32_t rows_max = cost.rows_within(budget_of(model.variants[batch.variant], batch.choice, cls, now_ns),
                                       rows_cap(model, cls, batch, allowance), batch.choice);
  // What was promised when costs were thought lower is started as long as its latest start has not passed.
  const bool promised = batch.choice == first.choice && batch.variant == first.variant_last && now_ns <= first.start_latest_ns;
  if (cls == Class::kHard && (promised || planted(Fault::kStartLate))) rows_max = std::max(rows_max, first.request.rows);
  rows_max = std::min({rows_max, rows_wanted, rows_cap(model, cls, batch, allowance)});
  batch.count = batch.rows = 0;
  for (const uint32_t index : scratch_) {
    const RequestState& state = requests_[index];
    if (batch.rows + state.request.rows > rows_max || state.variant_last < batch.variant) break;
    if (state.request.shape != first.request.shape) break;
    batch.rows += state.request.rows;
    ++batch.count;
  }
  return batch.count > 0;
}

// One request on two cores, or two on one each: the thread count with which the queue is through first, when this queue is
// all that waits; else the smallest with which the first makes it, since fewer threads waste less.
bool DeadlineScheduler::plan_threads(const ModelState& model, Class cls, TimeNs now_ns, Batch& batch, bool& held) const {
  const CostModel& cost = model.variants[batch.variant].cost;
  const auto idle = static_cast<uint32_t>(std::popcount(idle_));
  const EdfForest::Tree& queue = model.queues[static_cast<uint32_t>(cls)];
  const auto waiting = static_cast<uint32_t>(std::min<int64_t>(queue_forest_.total(queue).rows, kBatchRowsMax * kSlotsMax));
  const uint32_t first_rows = requests_[scratch_[0]].request.rows;
  const bool others = others_wait(model, cls);
  Batch best;
  TimeNs best_finish = kNever;
  for (uint32_t choice = 0; choice < cost.choices(); ++choice) {
    const uint32_t threads = cost.threads(choice);
    if (threads > idle) break;
    if (!has_instance(model, batch.variant, choice)) continue;
    const uint32_t parts = others ? 1 : idle / threads;
    Batch one{.variant = batch.variant, .choice = choice};
    if (!fill(model, cls, now_ns, std::max(first_rows, (waiting + parts - 1) / parts), one)) continue;
    // Who waits was promised a slot that a wider batch would take.
    const bool wider = best.count > 0 && cls == Class::kHard && hard_.count > one.count;
    if (wider && !rest_starts_in_time(model, cls, one, cost.high(one.rows, choice), now_ns)) continue;
    const uint32_t rounds = (waiting + parts * one.rows - 1) / (parts * one.rows);
    const TimeNs finish = rounds * cost.expected(one.rows, choice);
    if (finish >= best_finish) continue;
    best = one;
    best_finish = finish;
    if (others) break;
  }
  // Promised with more slots than are idle, or with others: those that are must wait for them.
  const RequestState& first = requests_[scratch_[0]];
  held = best.count == 0 && cls == Class::kHard && first.choice > 0 && has_instance(model, batch.variant, first.choice);
  if (best.count == 0) return false;
  batch = best;
  return true;
}

// Whether what waits behind the batch can still start in time, by the cheapest variant that each accepts, when the batch runs
// for `runs_ns`.
bool DeadlineScheduler::rest_starts_in_time(const ModelState& model, Class cls, const Batch& batch, TimeNs runs_ns,
                                            TimeNs now_ns) const {
  const uint32_t threads = model.variants[batch.variant].cost.threads(batch.choice);
  Lanes lanes = lanes_for(cls, now_ns);
  for (uint32_t i = 0; i < threads; ++i) lanes.free_in_ns[i] += runs_ns;
  std::sort(lanes.free_in_ns.begin(), lanes.free_in_ns.begin() + lanes.count);

  TimeNs taken = 0;
  for (uint32_t i = 0; i < batch.count; ++i) taken += requests_[scratch_[i]].weight_ns;
  const RequestState& last = requests_[scratch_[batch.count - 1]];
  const EdfForest::Tree& queue = model.queues[static_cast<uint32_t>(cls)];
  std::array<double, EdfForest::kSlopesMax> slack{};
  for (uint32_t s = 0; s < hard_forest_.slopes(); ++s) {
    slack[s] = static_cast<double>(taken) + (cls == Class::kHard
                                                 ? hard_forest_.slack_behind(hard_, {last.start_latest_ns, last.order}, s)
                                                 : queue_forest_.slack_behind(queue, {last.request.deadline_ns, last.order}, s));
  }
  return overload(slack, lanes, 0, now_ns) == 0;
}

// Whether the batch makes a request in it late that the cheapest variant, alone, would not.
bool DeadlineScheduler::makes_late(const ModelState& model, const Batch& batch, TimeNs now_ns) const {
  const TimeNs ends_ns = now_ns + model.variants[batch.variant].cost.high(batch.rows, batch.choice);
  return std::any_of(scratch_.begin(), scratch_.begin() + batch.count, [&](uint32_t index) {
    const RequestState& state = requests_[index];
    const TimeNs deadline_ns = state.request.deadline_ns;
    return ends_ns > deadline_ns && now_ns + model.variants[state.variant_last].cost.high(state.request.rows) <= deadline_ns;
  });
}

// The same and, of hard requests, what will arrive while it runs; of others, who is in the batch: a budget keeps hard ones in
// time.
bool DeadlineScheduler::rest_makes_it(const ModelState& model, Class cls, const Batch& batch, TimeNs now_ns) const {
  const auto runs = static_cast<double>(model.variants[batch.variant].cost.high(batch.rows, batch.choice));
  const double margin = model.variant > batch.variant ? kReturnMargin : 1;
  if (!rest_starts_in_time(model, cls, batch, static_cast<TimeNs>(runs * margin), now_ns)) return false;
  if (cls != Class::kHard) return !makes_late(model, batch, now_ns);
  const RequestState& first = requests_[scratch_[0]];
  const CostModel& cheap = model.variants[first.variant_last].cost;
  TimeNs waits = queue_forest_.total(model.queues[static_cast<uint32_t>(cls)]).weight_ns;
  for (uint32_t i = 0; i < batch.count; ++i) waits -= requests_[scratch_[i]].weight_ns;
  const double row = static_cast<double>(cheap.high(first.rows_cap)) / first.rows_cap;
  const double rate = model.hard_arrivals.rows_per_ns();
  const auto allowed = static_cast<double>(first.request.deadline_ns - first.request.arrival_ns);
  // By how much who comes first after the start would be late, when the batch runs so long.
  const auto late = [&](double runs_ns) {
    const double behind = static_cast<double>(waits) + rate * runs_ns * row;
    return runs_ns + behind / hard_forest_.slope(0) + static_cast<double>(cheap.high(first.rows_cap)) - allowed;
  };
  return late(runs * margin) <= 0 || (waits == 0 && rate * late(runs) <= kRefusedRows);
}

// Room that is left is given to less urgent requests of the same model, when nobody urgent waits who could use the time.
void DeadlineScheduler::add_riders(const ModelState& model, Class cls, TimeNs now_ns, Batch& batch) {
  if (cls == Class::kBulk || (cls == Class::kHard && hard_.count > batch.count)) return;
  const CostModel& cost = model.variants[batch.variant].cost;
  TimeNs allowance = kNever;
  for (uint64_t left = batch.slots; left != 0; left &= left - 1) {
    allowance = std::min(allowance, slots_[static_cast<uint32_t>(std::countr_zero(left))].allowance_ns);
  }
  const uint32_t rows_max = cost.rows_within(budget_of(model.variants[batch.variant], batch.choice, cls, now_ns),
                                             rows_cap(model, cls, batch, allowance), batch.choice);
  for (uint32_t c = static_cast<uint32_t>(cls) + 1; c < kClassCount && batch.rows < rows_max; ++c) {
    std::array<uint32_t, kBatchRowsMax> found;
    const uint32_t n = queue_forest_.first_of(model.queues[c], {found.data(), std::min(rows_max - batch.rows, kBatchRowsMax)});
    for (uint32_t i = 0; i < n; ++i) {
      const RequestState& state = requests_[found[i]];
      if (batch.rows + state.request.rows > rows_max || state.variant_last < batch.variant) break;
      if (state.request.shape != requests_[scratch_[0]].request.shape) break;
      batch.rows += state.request.rows;
      ++batch.count;
      scratch_.push_back(found[i]);
    }
  }
}

// False: nothing of this model can start now. `held`: because the first needs more slots than are idle, which must stay idle
// for it.
bool DeadlineScheduler::plan_batch(ModelState& model, Class cls, TimeNs now_ns, Batch& batch, bool& held) {
  const EdfForest::Tree& queue = model.queues[static_cast<uint32_t>(cls)];
  scratch_.resize(model.options.rows_max);
  scratch_.resize(queue_forest_.first_of(queue, scratch_));
  if (planted(Fault::kLastFirst) && scratch_.size() > 1) std::swap(scratch_[0], scratch_[1]);
  const uint32_t cheapest = requests_[scratch_[0]].variant_last;
  uint32_t variant = model.options.policy == VariantPolicy::kDegrade ? 0 : cheapest;
  for (; variant <= cheapest; ++variant) {
    batch = {.variant = variant};
    held = false;
    if (!plan_threads(model, cls, now_ns, batch, held)) continue;
    if (variant == cheapest || rest_makes_it(model, cls, batch, now_ns)) break;
  }
  if (batch.count == 0) return false;
  held = false;
  scratch_.resize(batch.count);
  model.variant = batch.variant;
  add_riders(model, cls, now_ns, batch);
  return true;
}

}  // namespace tercel::sched
