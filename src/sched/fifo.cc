#include "sched/fifo.h"

#include <algorithm>
#include <string>

namespace tercel::sched {

// The ring holds one more than may wait for each instance: a request passes through it on its way to an idle instance.
Fifo::Fifo(const FifoOptions& options)
    : queue_max_(options.queue_max), ring_(size_t{options.queue_max} + options.instances), busy_(options.instances, false) {
  check(options.instances > 0, "a scheduler without instances");
  for (InstanceId i = options.instances; i > 0; --i) idle_.push_back(i - 1);
}

Result<void> Fifo::admit(const RequestMeta& request, TimeNs) {
  if (queued_ >= queue_max_ + idle_.size()) {
    return Error(ErrorCode::kExhausted, "the queue is full (" + std::to_string(queue_max_) + " requests wait); try again later");
  }
  at(queued_++) = request;
  return {};
}

void Fifo::complete(InstanceId instance, TimeNs) {
  check(instance < busy_.size() && busy_[instance], "completion of an idle instance");
  busy_[instance] = false;
  idle_.push_back(instance);
}

bool Fifo::cancel(RequestId request, TimeNs) {
  for (uint32_t i = 0; i < queued_; ++i) {
    if (at(i).id != request) continue;
    for (uint32_t j = i; j + 1 < queued_; ++j) at(j) = at(j + 1);
    --queued_;
    return true;
  }
  return false;
}

std::optional<Action> Fifo::next(TimeNs now_ns) {
  if (queued_ == 0 || idle_.empty()) return std::nullopt;
  const RequestMeta request = at(0);
  head_ = static_cast<uint32_t>((head_ + 1) % ring_.size());
  --queued_;
  const InstanceId instance = idle_.back();
  idle_.pop_back();
  busy_[instance] = true;
  return Action{request.id, instance, now_ns, request.deadline_ns};
}

}  // namespace tercel::sched
