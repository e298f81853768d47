#include "sched/simulator.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <queue>
#include <unordered_map>

namespace tercel::sched::simulator {
namespace {

class DeadlinePolicy final : public Policy {
 public:
  explicit DeadlinePolicy(DeadlineScheduler& scheduler) : scheduler_(scheduler) {}
  Admission admit(const Request& r, TimeNs now) override { return scheduler_.admit(r, now); }
  bool cancel(Ticket t, TimeNs now) override { return scheduler_.cancel(t, now); }
  void completed(ExecutionId e, TimeNs computed, TimeNs now) override { scheduler_.completed(e, computed, now); }
  void yielded(ExecutionId e, TimeNs remaining, TimeNs now) override { scheduler_.yielded(e, remaining, now); }
  std::optional<Decision> next(TimeNs now) override { return scheduler_.next(now); }
  TimeNs wake_at() const override { return scheduler_.wake_at(); }

 private:
  DeadlineScheduler& scheduler_;
};

enum class What : uint8_t { kFinish, kYield, kCancel, kArrival, kWake };  // at one instant, in this order

struct Event {
  TimeNs at = 0;
  What what = What::kArrival;
  uint64_t order = 0;
  uint32_t subject = 0;  // execution, source
  uint64_t stamp = 0;    // of the execution's stretch, or the request's number
  bool operator>(const Event& o) const { return std::tie(at, what, order) > std::tie(o.at, o.what, o.order); }
};

struct Running {
  bool used = false, runs = false, cancelling = false;
  uint64_t stamp = 0;
  TimeNs began = 0, left = 0, computed = 0, median_left = 0, step = 0;
  uint32_t variant = 0, rows = 0;
  ModelId model = 0;
  std::vector<Member> members;
};

struct Known {
  Request request;
  Class asked = Class::kHard;
  Ticket ticket;
  bool open = false;
};

class Machine {
 public:
  Machine(const Scenario& scenario, Policy& policy, const std::vector<StreamId>& streams, Observer* observer)
      : scenario_(scenario),
        policy_(policy),
        streams_(streams),
        observer_(observer),
        random_(scenario.seed * 0x9e3779b97f4a7c15 + 1),
        burst_left_(scenario.sources.size(), 0) {
    report_.answered_by.assign(kVariantsMax, 0);
  }

  Report run() {
    for (uint32_t s = 0; s < scenario_.sources.size(); ++s) {
      if (!scenario_.sources[s].reserved || streams_[s] != kNone) schedule_arrival(s, 0);
    }
    while (!events_.empty() && !(observer_ && observer_->failed())) {
      const Event event = events_.top();
      events_.pop();
      now_ = event.at;
      handle(event);
      if (event.what != What::kWake && !events_.empty() && events_.top().at == now_ && events_.top().what != What::kWake)
        continue;
      decide();
    }
    report_.ended_ns = now_;
    return report_;
  }

 private:
  double uniform() { return std::uniform_real_distribution<double>(0, 1)(random_); }
  void push(TimeNs at, What what, uint32_t subject, uint64_t stamp = 0) { events_.push({at, what, ++order_, subject, stamp}); }

  void schedule_arrival(uint32_t s, TimeNs from) {
    const Source& source = scenario_.sources[s];
    const double mean = 1e9 / (source.per_second * source.excess);
    double gap = mean;
    switch (source.arrivals) {
      case Arrivals::kPoisson: gap = -std::log(1 - uniform()) * mean; break;
      case Arrivals::kPeriodic: break;
      case Arrivals::kOnOff:  // bursts at three times the rate, then silence
        gap = -std::log(1 - uniform()) * mean / 3;
        if (uniform() < 0.05) gap += mean * 40 / 3;
        break;
      case Arrivals::kBursts:
        if (burst_left_[s] == 0) {
          burst_left_[s] = 1 + static_cast<uint32_t>(uniform() * 12);
          gap = mean * burst_left_[s];
        } else {
          gap = 0;
        }
        --burst_left_[s];
        break;
    }
    const TimeNs at = from + static_cast<TimeNs>(gap);
    if (at <= scenario_.duration_ns) push(at, What::kArrival, s);
  }

  void arrive(uint32_t s) {
    const Source& source = scenario_.sources[s];
    Request r{
        .id = ++requests_, .model = source.model, .cls = source.cls, .arrival_ns = now_, .min_accuracy = source.min_accuracy};
    if (source.cls != Class::kBulk) r.deadline_ns = now_ + source.deadline_ns;
    r.rows = 1 + (source.rows_max > 1 ? static_cast<uint32_t>(uniform() * source.rows_max) % source.rows_max : 0);
    if (source.reserved) r.stream = streams_[s];
    Tally& tally = report_.classes[static_cast<uint32_t>(source.cls)];
    ++tally.offered;
    const Admission admission = policy_.admit(r, now_);
    if (admission.ok()) {
      ++tally.admitted;
      known_[r.id] = {r, source.cls, admission.ticket, true};
      if (uniform() < source.cancelled)
        push(now_ + static_cast<TimeNs>(uniform() * static_cast<double>(source.deadline_ns)), What::kCancel, 0, r.id);
    } else {
      ++tally.refused;
    }
    if (observer_) observer_->admitted(r, admission, now_);
    schedule_arrival(s, now_);
  }

  void close(RequestId id, uint64_t Tally::*outcome) {
    Known& k = known_[id];
    if (k.open) ++(report_.classes[static_cast<uint32_t>(k.asked)].*outcome);
    k.open = false;
  }

  void handle(const Event& event) {
    switch (event.what) {
      case What::kArrival: arrive(event.subject); break;
      case What::kFinish: finish(event.subject, event.stamp); break;
      case What::kYield: yield(event.subject, event.stamp); break;
      case What::kCancel: cancel(event.stamp); break;
      case What::kWake:
        if (wake_ == event.at) wake_ = kNever;
        break;
    }
  }

  void cancel(RequestId id) {
    Known& k = known_[id];
    if (!k.open || !policy_.cancel(k.ticket, now_)) return;
    close(id, &Tally::cancelled);
    if (observer_) observer_->cancelled(id, now_);
  }

  TimeNs drawn(const TrueModel& model, TimeNs median) {
    double factor = std::exp(std::normal_distribution<double>(0, model.sigma)(random_));
    if (model.outliers > 0 && uniform() < model.outliers) factor *= 1 + uniform() * (model.outlier_factor - 1);
    if (model.within_worst) factor = std::min(factor, model.worst_factor);
    return std::max<TimeNs>(static_cast<TimeNs>(static_cast<double>(median) * factor), 1);
  }

  void start(const Decision& d) {
    if (running_.size() <= d.execution) running_.resize(d.execution + 1);
    Running& run = running_[d.execution];
    if (!d.resumed) {
      const TrueModel& model = scenario_.models[d.model];
      run = {.used = true,
             .stamp = run.stamp,
             .variant = d.variant,
             .model = d.model,
             .members = {d.members.begin(), d.members.end()}};
      for (const Member& m : d.members) run.rows += m.rows;
      const TimeNs median = median_ns(model, d.variant, run.rows, static_cast<uint32_t>(std::popcount(d.slots)));
      run.left = drawn(model, median);
      run.median_left = median;
      run.step = model.variants[d.variant].step_ns;
      ++report_.executions;
      report_.rows += run.rows;
    }
    run.runs = true;
    run.began = now_;
    push(now_ + run.left, What::kFinish, d.execution, ++run.stamp);
  }

  void finish(ExecutionId id, uint64_t stamp) {
    Running& run = running_[id];
    if (!run.used || !run.runs || run.stamp != stamp) return;
    const TimeNs computed = run.computed + now_ - run.began;
    report_.busy_ns += now_ - run.began;
    settle(id, run.cancelling ? 0 : computed);
  }

  void settle(ExecutionId id, TimeNs computed) {
    Running& run = running_[id];
    for (const Member& m : run.members) {
      const bool late = now_ > m.deadline_ns || run.cancelling;
      if (!late && run.model == 0 && known_[m.request].open) ++report_.answered_by[run.variant];
      close(m.request, late ? &Tally::late : &Tally::in_time);
    }
    run.used = run.runs = false;
    if (observer_) observer_->completed(id, now_);
    policy_.completed(id, computed, now_);
  }

  void yield(ExecutionId id, uint64_t stamp) {
    Running& run = running_[id];
    if (!run.used || !run.runs || run.stamp != stamp) return;
    if (run.cancelling) return settle(id, 0);
    const TimeNs ran = now_ - run.began;
    const double share = static_cast<double>(run.left - ran) / static_cast<double>(run.left);
    run.runs = false;
    run.computed += ran;
    report_.busy_ns += ran;
    run.left -= ran;
    run.median_left = static_cast<TimeNs>(static_cast<double>(run.median_left) * share);
    ++report_.preempted;
    policy_.yielded(id, run.median_left, now_);
    if (observer_) observer_->yielded(id, now_);
  }

  void stop_at_boundary(ExecutionId id) {
    Running& run = running_[id];
    if (run.step == 0) return;  // to its end
    const TimeNs at = now_ + static_cast<TimeNs>(uniform() * static_cast<double>(run.step));
    if (at < run.began + run.left) push(at, What::kYield, id, run.stamp);
  }

  void decide() {
    while (const auto decision = policy_.next(now_)) {
      if (observer_) observer_->decided(*decision, now_);
      if (observer_ && observer_->failed()) return;
      switch (decision->kind) {
        case Decision::Kind::kStart: start(*decision); break;
        case Decision::Kind::kPreempt: stop_at_boundary(decision->execution); break;
        case Decision::Kind::kExpire: close(decision->request, &Tally::expired); break;
        case Decision::Kind::kCancel:
          running_[decision->execution].cancelling = true;
          if (running_[decision->execution].runs) stop_at_boundary(decision->execution);
          else settle(decision->execution, 0);
          break;
      }
    }
    if (observer_) observer_->settled(now_);
    const TimeNs wake = policy_.wake_at();
    if (wake == kNever || wake == wake_) return;
    wake_ = std::max(wake, now_ + 1);
    push(wake_, What::kWake, 0);
  }

  const Scenario& scenario_;
  Policy& policy_;
  const std::vector<StreamId>& streams_;
  Observer* observer_;
  std::mt19937_64 random_;
  std::vector<uint32_t> burst_left_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::vector<Running> running_;
  std::unordered_map<RequestId, Known> known_;
  uint64_t order_ = 0, requests_ = 0;
  TimeNs now_ = 0, wake_ = kNever;
  Report report_;
};

}  // namespace

TimeNs median_ns(const TrueModel& model, uint32_t variant, uint32_t rows, uint32_t threads) {
  const TrueVariant& v = model.variants[variant];
  return static_cast<TimeNs>(static_cast<double>(v.fixed_ns + v.row_ns * rows) / (1 + model.gain * (threads - 1)));
}

ModelOptions options_of(const TrueModel& model) {
  ModelOptions options{.rows_max = model.rows_max, .policy = model.policy};
  const double p99 = std::min(std::exp(2.33 * model.sigma), model.worst_factor);
  for (uint32_t v = 0; v < model.variants.size(); ++v) {
    VariantOptions variant{.accuracy = model.variants[v].accuracy, .longest_step_ns = model.variants[v].step_ns};
    for (uint32_t t = 1; t <= model.threads_max; ++t) {
      for (const uint32_t rows : {1u, model.rows_max}) {
        const auto median = static_cast<double>(median_ns(model, v, rows, t));
        variant.costs.push_back({t, rows, static_cast<TimeNs>(median), static_cast<TimeNs>(median * p99) + 1,
                                 static_cast<TimeNs>(median * model.worst_factor) + 1});
      }
    }
    options.variants.push_back(std::move(variant));
  }
  return options;
}

std::unique_ptr<DeadlineScheduler> scheduler_of(const Scenario& scenario, std::vector<StreamId>& streams) {
  auto scheduler =
      std::make_unique<DeadlineScheduler>(SchedulerOptions{.slots = scenario.slots, .queue_max = scenario.queue_max});
  for (const TrueModel& model : scenario.models) scheduler->add_model(options_of(model)).take();
  streams.assign(scenario.sources.size(), kNone);
  for (size_t s = 0; s < scenario.sources.size(); ++s) {
    const Source& source = scenario.sources[s];
    if (!source.reserved) continue;
    const auto granted = scheduler->reserve({.model = source.model,
                                             .period_ns = static_cast<TimeNs>(1e9 / source.per_second),
                                             .deadline_ns = source.deadline_ns,
                                             .rows = source.rows_max});
    if (granted.ok()) streams[s] = granted.value();
  }
  return scheduler;
}

std::unique_ptr<Policy> policy_of(DeadlineScheduler& scheduler) { return std::make_unique<DeadlinePolicy>(scheduler); }

Report run(const Scenario& scenario, Policy& policy, const std::vector<StreamId>& streams, Observer* observer) {
  return Machine(scenario, policy, streams, observer).run();
}

}  // namespace tercel::sched::simulator
