#pragma once

#include <deque>
#include <vector>

#include "sched/simulator.h"

namespace tercel::bench {

// What servers do today, for one model on one slot: classes by priority, first in, first out inside one, batches up to a
// maximum, an optional wait for a fuller batch, an optional time-out in the queue.
struct QueueOptions {
  uint32_t batch_max = 8;
  sched::TimeNs delay_ns = 0;                // how long the oldest may wait for a full batch
  sched::TimeNs timeout_ns = sched::kNever;  // in the queue; noticed when the slot is free and the next batch is made
  bool priorities = false;                   // by class; else all are one queue
};

class QueuePolicy final : public sched::simulator::Policy {
 public:
  explicit QueuePolicy(const QueueOptions& options) : options_(options) {}

  sched::Admission admit(const sched::Request& request, sched::TimeNs now_ns) override;
  bool cancel(sched::Ticket, sched::TimeNs) override { return false; }
  void completed(sched::ExecutionId, sched::TimeNs, sched::TimeNs) override { busy_ = false; }
  void yielded(sched::ExecutionId, sched::TimeNs, sched::TimeNs) override {}
  std::optional<sched::Decision> next(sched::TimeNs now_ns) override;
  sched::TimeNs wake_at() const override;

 private:
  std::deque<sched::Request>* first_queue();
  uint32_t queue_of(const sched::Request& request) const;

  QueueOptions options_;
  std::deque<sched::Request> queues_[sched::kClassCount];
  std::vector<sched::Member> members_;
  bool busy_ = false;
  uint32_t admitted_ = 0;
};

}  // namespace tercel::bench
