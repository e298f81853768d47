#include "queue_policy.h"

#include <algorithm>

namespace tercel::bench {

using namespace sched;

uint32_t QueuePolicy::queue_of(const Request& request) const {
  return options_.priorities ? static_cast<uint32_t>(request.cls) : 0;
}

Admission QueuePolicy::admit(const Request& request, TimeNs) {
  queues_[queue_of(request)].push_back(request);
  return {.cls = request.cls, .ticket = {++admitted_, 0}};
}

std::deque<Request>* QueuePolicy::first_queue() {
  for (auto& queue : queues_) {
    if (!queue.empty()) return &queue;
  }
  return nullptr;
}

std::optional<Decision> QueuePolicy::next(TimeNs now_ns) {
  if (busy_) return std::nullopt;
  std::deque<Request>* const queue = first_queue();
  if (queue == nullptr) return std::nullopt;
  const Request& oldest = queue->front();
  if (options_.timeout_ns != kNever && oldest.cls != Class::kBulk && now_ns - oldest.arrival_ns > options_.timeout_ns) {
    const Decision decision{.kind = Decision::Kind::kExpire, .request = oldest.id};
    queue->pop_front();
    return decision;
  }
  if (queue->size() < options_.batch_max && now_ns - oldest.arrival_ns < options_.delay_ns) return std::nullopt;
  members_.clear();
  while (!queue->empty() && members_.size() < options_.batch_max) {
    const Request& r = queue->front();
    members_.push_back({r.id, r.cls, r.deadline_ns, r.rows});
    queue->pop_front();
  }
  busy_ = true;
  return Decision{.execution = 0, .slots = 1, .start_earliest_ns = now_ns, .members = members_};
}

TimeNs QueuePolicy::wake_at() const {
  if (busy_ || options_.delay_ns == 0) return kNever;
  TimeNs at = kNever;
  for (const auto& queue : queues_) {
    if (!queue.empty()) at = std::min(at, queue.front().arrival_ns + options_.delay_ns);
  }
  return at;
}

}  // namespace tercel::bench
