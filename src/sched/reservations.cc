#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "sched/deadline_scheduler.h"

namespace tercel::sched {

// How long a request of so many rows keeps a slot from a reserved stream, at worst: to the end of a step where it can yield.
TimeNs DeadlineScheduler::block_of(const ModelState& model, uint32_t rows) const {
  TimeNs longest = 0;
  for (const Variant& v : model.variants)
    longest = std::max(longest, v.longest_step_ns > 0 ? v.longest_step_ns : v.cost.worst(rows));
  return longest;
}

// What else may be running when a stream's request arrives: at least one row of each model, and what is admitted already.
// Larger batches that would block longer are made smaller on the slot.
TimeNs DeadlineScheduler::longest_block() const {
  TimeNs longest = 0;
  for (const auto& model : models_) {
    if (model) longest = std::max(longest, block_of(*model, 1));
  }
  for (const RequestState& state : requests_) {
    if (state.where == Where::kFree || state.request.cls == Class::kGuaranteed) continue;
    longest = std::max(longest, block_of(*models_[state.request.model], state.request.rows));
  }
  return longest;
}

Result<void> DeadlineScheduler::acceptable(const Reservation& r) const {
  if (r.model >= kModelsMax || !models_[r.model]) return not_found("no model " + std::to_string(r.model) + " is scheduled");
  const ModelState& model = *models_[r.model];
  if (r.rows < 1 || r.rows > model.options.rows_max) return invalid(refusal_text(Refusal::kRows));
  constexpr TimeNs kLongest = TimeNs{1} << 42;
  if (r.period_ns < 1000 || r.period_ns > kLongest || r.deadline_ns < 1000 || r.deadline_ns > kLongest) {
    return invalid("a reservation's period and deadline must lie between 1 us and an hour");
  }
  if (r.jitter_ns < 0 || r.jitter_ns >= r.deadline_ns) return invalid("a reservation's jitter must be shorter than its deadline");
  if (model.variants[0].cost.threads(0) != 1) return unsupported("reservations need a model that was measured with one thread");
  const uint32_t instances = model.options.variants[0].instances[0];
  if (instances > 0 && instances <= model.reserved_instances) {
    return Error(ErrorCode::kExhausted, "all " + std::to_string(instances) +
                                            " instances of the model are kept for reserved streams already; give it more "
                                            "(instances.count in model.toml) or release a reservation");
  }
  return {};
}

bool DeadlineScheduler::test_slot(uint32_t slot, const Contract* added, TimeNs block_ns, DemandVerdict& verdict) {
  contracts_.clear();
  for (const Stream& s : streams_) {
    if (s.used && s.slot == slot) contracts_.push_back(s.contract);
  }
  if (added != nullptr) contracts_.push_back(*added);
  verdict = demand_test(contracts_, block_ns);
  return verdict.fits;
}

void DeadlineScheduler::commit_slot(uint32_t slot) {
  DemandVerdict verdict;
  test_slot(slot, nullptr, 0, verdict);
  Slot& s = slots_[slot];
  s.allowance_ns = blocking_allowance(contracts_);
  s.utilisation = 0;
  s.burst_ns = 0;
  for (const Contract& c : contracts_) {
    s.utilisation += static_cast<double>(c.cost_ns) / static_cast<double>(c.period_ns);
    s.burst_ns += c.cost_ns;
  }
  for (const auto& model : models_) {
    if (model) model->reserved_instances = reserved_instances(static_cast<ModelId>(&model - models_.data()));
  }
  set_slopes();
}

uint32_t DeadlineScheduler::reserved_instances(ModelId model) const {
  uint64_t slots = 0;
  for (const Stream& s : streams_) {
    if (s.used && s.reservation.model == model) slots |= uint64_t{1} << s.slot;
  }
  return static_cast<uint32_t>(std::popcount(slots));
}

// The rates at which hard work can be done: with all slots, with half of them, with one; each less what streams may take.
void DeadlineScheduler::set_slopes() {
  share_ = 1;
  for (const Slot& s : slots_) share_ = std::min(share_, 1 - s.utilisation);
  share_ = std::max(share_, 0.01);
  burst_ns_ = 0;
  for (const Slot& s : slots_) burst_ns_ = std::max(burst_ns_, s.burst_ns);
  std::array<double, EdfForest::kSlopesMax> slopes{};
  uint32_t count = 0;
  for (const uint32_t n : {options_.slots, (options_.slots + 1) / 2, 1u}) {
    if (count > 0 && slope_slots_[count - 1] == n) continue;
    slope_slots_[count] = n;
    slopes[count++] = n * share_;
  }
  hard_forest_.set_slopes({slopes.data(), count});
  hard_forest_.refresh(hard_);
  queue_forest_.set_slopes({slopes.data(), count});
  for (const auto& model : models_) {
    if (!model) continue;
    for (const EdfForest::Tree& queue : model->queues) queue_forest_.refresh(queue);
  }
  for (const Slot& s : slots_) queue_forest_.refresh(s.guaranteed);
}

Result<StreamId> DeadlineScheduler::reserve(const Reservation& r, ReservationTest* test) {
  TRY(acceptable(r));
  const auto free = std::find_if(streams_.begin(), streams_.end(), [](const Stream& s) { return !s.used && s.held == 0; });
  if (free == streams_.end()) return too_large("more than " + std::to_string(kStreamsMax) + " reservations on one scheduler");
  const TimeNs worst = models_[r.model]->variants[0].cost.worst(r.rows);
  const auto cost = static_cast<TimeNs>(std::ceil(static_cast<double>(worst) * (1 + options_.worst_margin)));
  const Contract contract{r.period_ns, r.deadline_ns, cost, r.jitter_ns};

  const TimeNs block = longest_block();
  DemandVerdict best{false, 0, kNever};
  const auto tell = [&](const DemandVerdict& found) {
    if (test) *test = {.cost_ns = cost, .blocking_ns = block, .verdict = found};
  };
  for (uint32_t slot = 0; slot < slots_.size(); ++slot) {
    DemandVerdict verdict;
    if (test_slot(slot, &contract, block, verdict)) {
      *free = {.reservation = r, .contract = contract, .slot = slot, .policer = Policer(r.period_ns, r.jitter_ns), .used = true};
      ++models_[r.model]->users;
      commit_slot(slot);
      tell(verdict);
      return static_cast<StreamId>(free - streams_.begin());
    }
    if (verdict.demand_ns - verdict.interval_ns < best.demand_ns - best.interval_ns) best = verdict;
  }
  tell(best);
  return Error(ErrorCode::kExhausted,
               "the reservation does not fit: in an interval of " + std::to_string(best.interval_ns / 1000) + " us, up to " +
                   std::to_string(best.demand_ns / 1000) + " us of work may be due (" + std::to_string(best.excess_ns() / 1000) +
                   " us too much; each request counted as " + std::to_string(cost / 1000) + " us, its worst case and " +
                   std::to_string(static_cast<int>(options_.worst_margin * 100)) + " %; " + std::to_string(block / 1000) +
                   " us of other work that can't be interrupted); lengthen the period or the deadline");
}

void DeadlineScheduler::release(StreamId stream) {
  check(stream < streams_.size() && streams_[stream].used, "release of an unknown reservation");
  streams_[stream].used = false;
  --models_[streams_[stream].reservation.model]->users;
  commit_slot(streams_[stream].slot);
}

}  // namespace tercel::sched
