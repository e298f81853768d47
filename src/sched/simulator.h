#pragma once

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "sched/deadline_scheduler.h"

// A machine, clients and noise in virtual time, all from one seed. For tests and comparisons; not part of the library.
namespace tercel::sched::simulator {

// How long executions really take: (fixed + row x rows) x noise, divided by what threads gain.
struct TrueVariant {
  float accuracy = 1;
  TimeNs fixed_ns = 1'000'000, row_ns = 1'000'000;
  TimeNs step_ns = 0;
};
struct TrueModel {
  uint32_t rows_max = 8;
  VariantPolicy policy = VariantPolicy::kDegrade;
  std::vector<TrueVariant> variants;
  uint32_t threads_max = 1;  // measured with 1..threads_max
  double gain = 0.8;         // of each further thread
  double sigma = 0.02;       // of the lognormal noise
  double outliers = 0;       // share of executions that take longer, up to `outlier_factor`
  double outlier_factor = 4;
  double worst_factor = 1.1;  // declared worst case over the median
  bool within_worst = false;  // executions stay inside it
};

enum class Arrivals : uint8_t { kPoisson, kPeriodic, kOnOff, kBursts };
struct Source {
  ModelId model = 0;
  Class cls = Class::kHard;
  Arrivals arrivals = Arrivals::kPoisson;
  double per_second = 100;
  TimeNs deadline_ns = 20'000'000;
  uint32_t rows_max = 1;
  float min_accuracy = 0;
  bool reserved = false;  // a reservation of 1 / per_second is asked for first; refused: the source is silent
  double excess = 1;      // how much faster than reserved it really sends
  double cancelled = 0;   // share of requests whose client goes away
};

struct Scenario {
  uint64_t seed = 1;
  uint32_t slots = 1;
  uint32_t queue_max = 256;
  TimeNs duration_ns = 100'000'000;  // of arrivals; then all is drained
  std::vector<TrueModel> models;
  std::vector<Source> sources;
};

struct Tally {
  uint64_t offered = 0, refused = 0, admitted = 0, in_time = 0, late = 0, expired = 0, cancelled = 0;
};

struct Report {
  std::array<Tally, kClassCount> classes{};  // by the class that was asked for
  std::vector<uint64_t> answered_by;         // variant of model 0: requests in time
  uint64_t executions = 0, rows = 0, preempted = 0;
  TimeNs ended_ns = 0, busy_ns = 0;
  std::string violation;  // of the first broken invariant; empty: none
};

// What a simulated machine is driven by. DeadlineScheduler fits; so do the policies that it is compared with.
class Policy {
 public:
  virtual ~Policy() = default;
  virtual Admission admit(const Request& request, TimeNs now_ns) = 0;
  virtual bool cancel(Ticket ticket, TimeNs now_ns) = 0;
  virtual void completed(ExecutionId execution, TimeNs computed_ns, TimeNs now_ns) = 0;
  virtual void yielded(ExecutionId execution, TimeNs remaining_ns, TimeNs now_ns) = 0;
  virtual std::optional<Decision> next(TimeNs now_ns) = 0;
  virtual TimeNs wake_at() const = 0;
};

// What the invariants are checked against. Called in the order of events; `settled` when next() has nothing more to say.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void admitted(const Request& request, const Admission& admission, TimeNs now_ns) = 0;
  virtual void decided(const Decision& decision, TimeNs now_ns) = 0;
  virtual void cancelled(RequestId request, TimeNs now_ns) = 0;
  virtual void completed(ExecutionId execution, TimeNs now_ns) = 0;
  virtual void yielded(ExecutionId execution, TimeNs now_ns) = 0;
  virtual void settled(TimeNs now_ns) = 0;
  virtual bool failed() const = 0;
};

ModelOptions options_of(const TrueModel& model);
TimeNs median_ns(const TrueModel& model, uint32_t variant, uint32_t rows, uint32_t threads);

// The scheduler of a scenario with its models and reservations; `streams[i]`: of source i, kNone where none was granted.
std::unique_ptr<DeadlineScheduler> scheduler_of(const Scenario& scenario, std::vector<StreamId>& streams);
std::unique_ptr<Policy> policy_of(DeadlineScheduler& scheduler);

// Runs to the end, or to the observer's first failure (`observer` may be null).
Report run(const Scenario& scenario, Policy& policy, const std::vector<StreamId>& streams, Observer* observer);

}  // namespace tercel::sched::simulator
