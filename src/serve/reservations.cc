#include "serve/reservations.h"

#include <algorithm>
#include <random>
#include <string>

namespace tercel::serve {
namespace {

constexpr int64_t kTransitShare = 8, kTransitNsMost = 1'000'000;  // an eighth of the deadline, and no more than a millisecond
constexpr size_t kOk = 0, kPoliced = 1, kMissed = 2;              // positions in Reservation::counts_

// Fixed for the life of a reservation, unlike SendMargin: what was tested must hold for every request.
int64_t transit_of(int64_t deadline_ns) { return std::min(deadline_ns / kTransitShare, kTransitNsMost); }

request::ReservationId random_id() {
  std::random_device source;
  return uint64_t{source()} << 32 | source();
}

Error gone(request::ReservationId id) {
  return not_found("there is no reservation " + request::reservation_id_text(id) +
                   ": it was released, its lease ran out, or its model was unloaded; reserve again with POST v2/reservations");
}

std::optional<registry::MeasuredCost> measured_of(const registry::OpenedModel& model) {
  for (const auto& cost : model.variants[0].costs)
    if (cost.threads == 1 && cost.rows == 1) return cost;
  return std::nullopt;
}

// Worst cases were measured for rows of one size: nothing else of a request may vary.
const request::TensorSignature* varying(const request::Signature& signature) {
  for (const auto& input : signature.inputs)
    for (size_t axis = 1; axis < input.dims.size(); ++axis)
      if (input.dims[axis] < 0) return &input;
  return nullptr;
}

Result<void> acceptable(const Served& served, const ReservationWish& wish) {
  const registry::OpenedModel& model = served.version->opened;
  const request::TimePolicy& policy = served.version->settings.time;
  const std::string name = "model '" + served.version->model + "'";
  if (!policy.grants[static_cast<size_t>(request::Class::kGuaranteed)])
    return invalid(name + " does not grant the class guaranteed ([deadline] classes in its model.toml)");
  if (wish.deadline_us > policy.max_us)
    return invalid("deadline_us is longer than " + name + " grants, " + std::to_string(policy.max_us) + " us");
  if (wish.rows > model.rows_max)
    return invalid("rows is " + std::to_string(wish.rows) + ", and a batch of " + name + " has at most " +
                   std::to_string(model.rows_max));
  if (const auto* input = varying(served.signature()))
    return unsupported("input '" + input->name + "' of " + name +
                       " varies in more than its rows, so that no worst case is known: fix the other extents when it is compiled "
                       "(--profile)");
  if (!measured_of(model))
    return unsupported("no worst case is known of " + name +
                       ": it was not measured on one thread when it was opened (model.toml instances.threads must allow one)");
  return {};
}

}  // namespace

Reservation::Reservation(request::ReservationId name, std::shared_ptr<Served> version, const ReservationWish& asked,
                         const sched::ReservationTest& tested, sched::StreamId stream, int64_t now_ns)
    : id(name),
      served(std::move(version)),
      wish(asked),
      test(tested),
      margin(served->worst_margin()),
      transit_ns(transit_of(asked.deadline_us * 1000)),
      stream_(stream),
      heard_ns_(now_ns) {}

registry::MeasuredCost Reservation::measured() const {
  return measured_of(served->version->opened).value_or(registry::MeasuredCost{});
}

Result<void> Reservation::accepts(const request::InferRequest& request) const {
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    const auto& dims = served->signature().inputs[i].dims;
    if (dims.empty() || dims[0] >= 0) continue;
    const int64_t rows = request.inputs[i].type.shape.size(0);
    if (rows > wish.rows)
      return invalid("the request has " + std::to_string(rows) + " rows, and " + std::to_string(wish.rows) +
                     " are reserved: send fewer, or reserve more");
  }
  return {};
}

void Reservation::record(Outcome outcome, const request::Terms& terms) {
  if (outcome == Outcome::kInvalid || outcome == Outcome::kCancelled || terms.stream != stream_) return;
  if (terms.request_class != request::Class::kGuaranteed) counts_[kPoliced].add();
  else counts_[outcome == Outcome::kOk ? kOk : kMissed].add();
}

int64_t Reservation::left_ns(int64_t now_ns) const {
  return heard_ns_.load(std::memory_order_relaxed) + wish.lease_s * 1'000'000'000 - now_ns;
}

Result<std::shared_ptr<Reservation>> Reservations::reserve(std::shared_ptr<Served> served, const ReservationWish& wish,
                                                           int64_t now_ns, sched::ReservationTest& test) {
  expire(now_ns);
  TRY(acceptable(*served, wish));
  const int64_t deadline_ns = wish.deadline_us * 1000;
  sched::Reservation contract{.period_ns = wish.period_us * 1000, .deadline_ns = deadline_ns - transit_of(deadline_ns)};
  contract.jitter_ns = wish.jitter_us * 1000;
  contract.rows = wish.rows;
  const sched::StreamId stream = TRY(served->reserve(contract, &test));
  auto id = random_id();
  const std::lock_guard lock(mutex_);
  while (by_id_.contains(id)) id = random_id();
  const std::shared_ptr<Reservation> made(new Reservation(id, std::move(served), wish, test, stream, now_ns));
  by_id_.emplace(id, made);
  count_.store(by_id_.size());
  return made;
}

Result<std::shared_ptr<Reservation>> Reservations::find(request::ReservationId id, int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  const auto entry = by_id_.find(id);
  if (entry == by_id_.end() || entry->second->left_ns(now_ns) <= 0) return gone(id);
  entry->second->heard_ns_.store(now_ns, std::memory_order_relaxed);
  return entry->second;
}

Result<std::shared_ptr<Reservation>> Reservations::release(request::ReservationId id, int64_t now_ns) {
  auto found = TRY(find(id, now_ns));
  const std::lock_guard lock(mutex_);
  by_id_.erase(id);  // `found` still holds it: nothing is torn down under the lock
  count_.store(by_id_.size());
  return found;
}

std::vector<std::shared_ptr<Reservation>> Reservations::list(int64_t now_ns) {
  expire(now_ns);
  std::vector<std::shared_ptr<Reservation>> all;
  const std::lock_guard lock(mutex_);
  for (const auto& entry : by_id_) all.push_back(entry.second);
  return all;
}

// What ends is torn down outside of the lock.
void Reservations::release_if(auto&& ends) {
  std::vector<std::shared_ptr<Reservation>> ended;
  const std::lock_guard lock(mutex_);
  std::erase_if(by_id_, [&](const auto& entry) {
    if (!ends(*entry.second)) return false;
    ended.push_back(entry.second);
    return true;
  });
  count_.store(by_id_.size());
}

void Reservations::expire(int64_t now_ns) {
  if (count_.load(std::memory_order_relaxed) == 0) return;
  release_if([&](const Reservation& reservation) { return reservation.left_ns(now_ns) <= 0; });
}

void Reservations::keep_only(const Catalogue& catalogue) {
  release_if([&](const Reservation& reservation) {
    const auto& ready = catalogue.ready(reservation.served->version->model);
    return std::ranges::find(ready, reservation.served) == ready.end();
  });
}

}  // namespace tercel::serve
