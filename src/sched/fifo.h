#pragma once

#include <vector>

#include "sched/scheduler.h"

namespace tercel::sched {

struct FifoOptions {
  uint32_t instances = 1;
  uint32_t queue_max = 256;  // requests that wait; running ones do not count
};

// First in, first out: the oldest queued request starts as soon as an instance is idle, on the idle one that finished last
// (its caches are the warmest). A request whose deadline passed in the queue is still handed out, with a latest start that
// has passed, so that its owner hears of it.
class Fifo final : public Scheduler {
 public:
  explicit Fifo(const FifoOptions& options);

  [[nodiscard]] Result<void> admit(const RequestMeta& request, TimeNs now_ns) override;
  void complete(InstanceId instance, TimeNs now_ns) override;
  bool cancel(RequestId request, TimeNs now_ns) override;
  [[nodiscard]] std::optional<Action> next(TimeNs now_ns) override;
  uint32_t queued() const override { return queued_; }
  uint32_t running() const override { return static_cast<uint32_t>(busy_.size() - idle_.size()); }

 private:
  RequestMeta& at(uint32_t i) { return ring_[(head_ + i) % ring_.size()]; }

  uint32_t queue_max_;
  std::vector<RequestMeta> ring_;  // queued requests, oldest at head_
  uint32_t head_ = 0, queued_ = 0;
  std::vector<InstanceId> idle_;  // a stack
  std::vector<bool> busy_;
};

}  // namespace tercel::sched
