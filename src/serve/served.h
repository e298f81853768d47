#pragma once

#include <memory>

#include "registry/registry.h"
#include "serve/executor.h"
#include "serve/send_margin.h"
#include "serve/statistics.h"

namespace tercel::serve {

static_assert(registry::kQueueMax == sched::kQueuedMax, "one model may take all the room that a server may have");

// A ready version with what it takes to serve it: its place on the executor, which outlives it. Shared by the catalogue and by
// the requests in flight; the last of them lets it go, never on one of the executor's threads.
class Served {
 public:
  // Refused where the executor cannot schedule it.
  static Result<std::shared_ptr<Served>> make(std::shared_ptr<const registry::Version> ready, Executor& executor) {
    const auto model =
        TRY(executor.add(ready->opened, {ready->settings.queue_max, scheduler_policy(ready->settings.variants.policy)}));
    return std::shared_ptr<Served>(new Served(std::move(ready), executor, model));
  }
  ~Served() { executor_.remove(model_); }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  const request::Signature& signature() const { return version->opened.signature; }
  sched::ModelId model() const { return model_; }
  Result<Executor::Submitted> submit(Job& job) { return executor_.submit(model_, job); }
  bool withdraw(Job& job) { return executor_.withdraw(job); }
  // reservation.model is this one.
  Result<sched::StreamId> reserve(sched::Reservation reservation, sched::ReservationTest* test) {
    reservation.model = model_;
    return executor_.reserve(reservation, test);
  }
  void release(sched::StreamId stream) { executor_.release(stream); }
  double worst_margin() const { return executor_.worst_margin(); }
  Executor::Load load() const { return executor_.load(model_); }

  const std::shared_ptr<const registry::Version> version;
  Statistics statistics;
  SendMargin send_margin;

 private:
  Served(std::shared_ptr<const registry::Version> ready, Executor& executor, sched::ModelId model)
      : version(std::move(ready)), executor_(executor), model_(model) {}
  static sched::VariantPolicy scheduler_policy(registry::VariantPolicy policy) {
    switch (policy) {
      case registry::VariantPolicy::kOff: return sched::VariantPolicy::kOff;
      case registry::VariantPolicy::kDegrade: return sched::VariantPolicy::kDegrade;
      case registry::VariantPolicy::kCheapest: break;
    }
    return sched::VariantPolicy::kCheapest;
  }

  Executor& executor_;
  const sched::ModelId model_;
};

}  // namespace tercel::serve
