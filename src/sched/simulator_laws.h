#pragma once

#include <map>
#include <set>

#include "sched/simulator.h"

namespace tercel::sched::simulator {

// The laws that a DeadlineScheduler must keep, checked from outside after every event of a simulated run:
//   nothing is lost or answered twice; a batch never holds more rows than its model allows, a slot never two executions
//   no hard or guaranteed request starts after its latest start, and what expires does so before its deadline
//   no slot idles while something could start on it
//   earliest deadline first inside a model and class; a class never starts while a more urgent one could
//   what could yield to more urgent work is asked to, and a reserved stream is never blocked longer than was tested
//   reserved streams that keep their contract never miss while executions stay inside their declared worst case
//   admitted hard requests are in time, but for the share that noise excuses, and those taken to learn what they cost, which are
//   few everything is settled in the end, and no instant has endless decisions
class Laws final : public Observer {
 public:
  Laws(const Scenario& scenario, const DeadlineScheduler& scheduler) : scenario_(scenario), scheduler_(scheduler) {}

  void admitted(const Request& request, const Admission& admission, TimeNs now_ns) override;
  void decided(const Decision& decision, TimeNs now_ns) override;
  void cancelled(RequestId request, TimeNs now_ns) override;
  void completed(ExecutionId execution, TimeNs now_ns) override;
  void yielded(ExecutionId execution, TimeNs now_ns) override;
  void settled(TimeNs now_ns) override;
  bool failed() const override { return !violation_.empty(); }

  // After the run: what must hold at its end. Empty: every law was kept.
  std::string verdict(const Report& report);

 private:
  struct Waiting {
    Request request;  // with the class that it was given
    TimeNs start_latest_ns = kNever;
    uint64_t order = 0;
  };
  struct Running {
    Class cls = Class::kBulk;
    ModelId model = 0;
    uint32_t variant = 0;
    uint64_t slots = 0;  // 0: yielded
    bool asked = false;
    bool cancelled = false;
    std::vector<RequestId> requests;
    std::vector<Member> members;
  };

  void broken(const std::string& law, TimeNs now_ns);
  void start(const Decision& decision, TimeNs now_ns);
  void start_new(const Decision& decision, TimeNs now_ns);
  void in_order(const Decision& decision, TimeNs now_ns);
  std::vector<Waiting> heads() const;
  void work_conserved(TimeNs now_ns);
  void blocking_bounded(TimeNs now_ns);
  bool could_start(const Waiting& waiting, uint64_t idle) const;
  bool holds_slots(const Waiting& waiting, uint64_t idle, TimeNs now_ns) const;
  TimeNs step_of(const Running& running) const { return scenario_.models[running.model].variants[running.variant].step_ns; }

  const Scenario& scenario_;
  const DeadlineScheduler& scheduler_;
  std::map<RequestId, Waiting> waiting_;
  std::map<ExecutionId, Running> running_;
  std::set<RequestId> settled_;
  std::map<RequestId, Class> class_of_;
  std::map<std::pair<ExecutionId, RequestId>, TimeNs> unasked_since_;
  uint64_t admitted_ = 0, order_ = 0, decisions_now_ = 0;
  uint64_t hard_admitted_ = 0, hard_missed_ = 0;  // probes apart
  std::set<RequestId> probes_;
  uint64_t refused_short_ = 0;
  TimeNs instant_ = -1;
  std::string violation_;
};

// One seed's machine, models and clients: one to three slots, one to three models, ladders, steps to yield at, every class and
// kind of arrivals, from idle to several times overloaded, with and without noise.
Scenario random_scenario(uint64_t seed);

// Runs it under the laws; empty, or what was broken.
std::string broken_law(const Scenario& scenario);

}  // namespace tercel::sched::simulator
