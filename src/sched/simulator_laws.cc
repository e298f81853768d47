#include "sched/simulator_laws.h"

#include <algorithm>
#include <bit>

namespace tercel::sched::simulator {

void Laws::broken(const std::string& law, TimeNs now_ns) {
  if (violation_.empty()) violation_ = "at " + std::to_string(now_ns) + " ns: " + law;
}

void Laws::admitted(const Request& request, const Admission& admission, TimeNs now_ns) {
  if (!admission.ok()) {
    if (admission.refusal == Refusal::kOverload && admission.retry_after_ns <= 0)
      broken("a refusal that does not say when to retry", now_ns);
    refused_short_ += admission.refusal == Refusal::kTooShort;
    return;
  }
  ++admitted_;
  if (admission.is_probe) {
    probes_.insert(request.id);
    if (probes_.size() > refused_short_ / 2) broken("more requests tried than may be, for those refused as too short", now_ns);
  }
  Waiting w{request, scheduler_.start_latest_ns(admission.ticket), ++order_};
  w.request.cls = admission.cls;
  class_of_[request.id] = admission.cls;
  if (admission.cls == Class::kHard && !admission.is_probe) ++hard_admitted_;
  if (admission.cls == Class::kHard && admission.predicted_finish_ns > request.deadline_ns && scenario_.models[0].sigma == 0) {
    broken("a hard request was admitted that is predicted to be late", now_ns);
  }
  waiting_[request.id] = w;
}

void Laws::cancelled(RequestId request, TimeNs now_ns) {
  waiting_.erase(request);
  if (!settled_.insert(request).second) broken("a request was cancelled after it was answered", now_ns);
}

void Laws::decided(const Decision& d, TimeNs now_ns) {
  decisions_now_ = now_ns == instant_ ? decisions_now_ + 1 : 1;
  instant_ = now_ns;
  if (decisions_now_ > 4 * (scenario_.queue_max + kStreamsMax)) broken("decisions without end at one instant", now_ns);
  switch (d.kind) {
    case Decision::Kind::kStart: start(d, now_ns); break;
    case Decision::Kind::kPreempt: {
      Running& r = running_[d.execution];
      if (r.slots == 0 || r.asked || step_of(r) == 0) broken("asked to yield: what does not run, was asked, or can't", now_ns);
      r.asked = true;
      break;
    }
    case Decision::Kind::kCancel: running_[d.execution].cancelled = true; break;
    case Decision::Kind::kExpire: {
      const auto it = waiting_.find(d.request);
      if (it == waiting_.end()) return broken("expired what does not wait", now_ns);
      if (now_ns > it->second.request.deadline_ns) broken("expired after the deadline", now_ns);
      if (now_ns <= it->second.start_latest_ns) broken("expired what could still start", now_ns);
      if (it->second.request.cls == Class::kGuaranteed) broken("a guaranteed request expired", now_ns);
      if (it->second.request.cls == Class::kHard && !probes_.contains(it->first)) ++hard_missed_;
      if (!settled_.insert(d.request).second) broken("answered twice", now_ns);
      waiting_.erase(it);
      break;
    }
  }
}

void Laws::start(const Decision& d, TimeNs now_ns) {
  uint64_t busy = 0;
  for (const auto& [id, r] : running_) busy |= r.slots;
  if ((d.slots & busy) != 0 || d.slots == 0) broken("a slot was given to two executions", now_ns);
  if (now_ns > d.start_latest_ns || now_ns < d.start_earliest_ns) broken("a start outside its own window", now_ns);
  if (d.resumed) {
    Running& r = running_[d.execution];
    if (r.slots != 0) broken("resumed what runs", now_ns);
    r.slots = d.slots;
    return;
  }
  start_new(d, now_ns);
}

void Laws::start_new(const Decision& d, TimeNs now_ns) {
  if (running_.count(d.execution) != 0) return broken("an execution's number was given twice", now_ns);
  in_order(d, now_ns);
  Running r{.model = d.model, .variant = d.variant, .slots = d.slots};
  uint32_t rows = 0;
  for (const Member& m : d.members) {
    const auto it = waiting_.find(m.request);
    if (it == waiting_.end()) return broken("started what does not wait", now_ns);
    const Waiting& w = it->second;
    if (w.request.model != d.model) broken("a batch of two models", now_ns);
    if (w.request.cls <= Class::kHard && now_ns > w.start_latest_ns) broken("a request started after its latest start", now_ns);
    const TrueVariant& v = scenario_.models[d.model].variants[d.variant];
    if (v.accuracy < w.request.min_accuracy) broken("answered by a variant below min_accuracy", now_ns);
    r.cls = std::min(r.cls, w.request.cls);
    rows += w.request.rows;
    r.requests.push_back(m.request);
    waiting_.erase(it);
  }
  r.members.assign(d.members.begin(), d.members.end());
  if (rows == 0 || rows > scenario_.models[d.model].rows_max) broken("a batch of " + std::to_string(rows) + " rows", now_ns);
  for (uint64_t left = d.slots; left != 0; left &= left - 1) {
    const TimeNs allowed = scheduler_.allowance_ns(static_cast<uint32_t>(std::countr_zero(left)));
    const TimeNs step = step_of(r);
    const CostModel& cost = scheduler_.cost(d.model, d.variant);
    uint32_t choice = 0;
    while (cost.threads(choice) != static_cast<uint32_t>(std::popcount(d.slots))) ++choice;
    const TimeNs blocks = step > 0 ? step : cost.worst(rows, choice);
    if (r.cls != Class::kGuaranteed && blocks > allowed) broken("an execution that blocks reserved streams too long", now_ns);
  }
  running_[d.execution] = std::move(r);
}

// The first of each queue: it may wait for a slot that bears its rows, and then who is behind it waits too.
std::vector<Laws::Waiting> Laws::heads() const {
  const auto place = [](const Waiting& w) {
    return std::pair{w.request.cls == Class::kBulk ? 0 : w.request.deadline_ns, w.order};
  };
  std::map<std::pair<ModelId, Class>, const Waiting*> first;
  for (const auto& [id, w] : waiting_) {
    if (w.request.cls == Class::kGuaranteed) continue;
    const Waiting*& head = first[{w.request.model, w.request.cls}];
    if (head == nullptr || place(w) < place(*head)) head = &w;
  }
  std::vector<Waiting> heads;
  for (const auto& [key, head] : first) heads.push_back(*head);
  return heads;
}

// Nobody of the same model and class who waits may come before a member; nobody of a more urgent class may be able to start.
void Laws::in_order(const Decision& d, TimeNs now_ns) {
  std::array<std::pair<TimeNs, uint64_t>, kClassCount> last;
  last.fill({-1, 0});
  Class most = Class::kBulk;
  std::set<RequestId> members;
  for (const Member& m : d.members) {
    const auto it = waiting_.find(m.request);
    if (it == waiting_.end()) continue;
    members.insert(m.request);
    const Waiting& w = it->second;
    auto& l = last[static_cast<uint32_t>(w.request.cls)];
    l = std::max(l, {w.request.cls == Class::kBulk ? 0 : w.request.deadline_ns, w.order});
    most = std::min(most, w.request.cls);
  }
  for (const auto& [id, w] : waiting_) {
    if (members.count(id) != 0) continue;
    const std::pair<TimeNs, uint64_t> at{w.request.cls == Class::kBulk ? 0 : w.request.deadline_ns, w.order};
    const bool same = w.request.model == d.model && (w.request.cls != Class::kGuaranteed || most == Class::kGuaranteed);
    if (same && w.request.cls != Class::kGuaranteed && at < last[static_cast<uint32_t>(w.request.cls)]) {
      broken("not the earliest deadline first", now_ns);
    }
  }
  for (const Waiting& w : heads()) {
    if (members.count(w.request.id) == 0 && w.request.cls < most && could_start(w, d.slots))
      broken("a less urgent class started first", now_ns);
  }
}

void Laws::completed(ExecutionId execution, TimeNs now_ns) {
  const auto it = running_.find(execution);
  if (it == running_.end()) return broken("completed what does not run", now_ns);
  for (const Member& m : it->second.members) {
    if (!settled_.insert(m.request).second) continue;  // its client went away meanwhile
    const bool late = now_ns > m.deadline_ns || it->second.cancelled;
    if (m.cls == Class::kHard && late && !probes_.contains(m.request)) ++hard_missed_;
    if (m.cls == Class::kGuaranteed && late)
      broken("a guaranteed request was late by " + std::to_string(now_ns - m.deadline_ns) + " ns", now_ns);
  }
  running_.erase(it);
}

void Laws::yielded(ExecutionId execution, TimeNs now_ns) {
  Running& r = running_[execution];
  if (!r.asked) broken("yielded without being asked", now_ns);
  r.slots = 0;
  r.asked = false;
}

bool Laws::could_start(const Waiting& w, uint64_t idle) const {
  const TrueModel& model = scenario_.models[w.request.model];
  for (uint64_t left = idle; left != 0; left &= left - 1) {
    const TimeNs allowed = scheduler_.allowance_ns(static_cast<uint32_t>(std::countr_zero(left)));
    bool fits = true;
    for (uint32_t v = 0; v < model.variants.size(); ++v) {
      const TimeNs step = model.variants[v].step_ns;
      fits = fits && (step > 0 ? step : scheduler_.cost(w.request.model, v).worst(w.request.rows)) <= allowed;
    }
    if (fits) return true;
  }
  return false;
}

// A hard request that only makes it on more threads than are idle keeps the idle slots for itself.
bool Laws::holds_slots(const Waiting& w, uint64_t idle, TimeNs now_ns) const {
  if (w.request.cls != Class::kHard) return false;
  const auto& cost = scheduler_.cost(w.request.model, 0);
  const auto slots = static_cast<uint32_t>(std::popcount(idle));
  const bool interrupted = scenario_.models[w.request.model].variants[0].step_ns > 0 && scheduler_.reserved();
  return cost.choices() > 1 && cost.threads(cost.choices() - 1) > slots &&
         (interrupted || now_ns + cost.high(w.request.rows) > w.request.deadline_ns);
}

void Laws::work_conserved(TimeNs now_ns) {
  const uint64_t idle = scheduler_.idle_slots();
  if (idle == 0) return;
  uint64_t live = running_.size(), yielded = 0;
  for (const auto& [id, r] : running_) yielded += r.slots == 0;
  if (yielded > 0 && live > scenario_.slots + 2) return;  // room for executions that have yielded is bounded
  for (const auto& [id, w] : waiting_) {
    if (holds_slots(w, idle, now_ns)) return;
  }
  for (const Waiting& w : heads()) {
    const RequestId id = w.request.id;
    if (could_start(w, idle)) return broken("a slot idles while request " + std::to_string(id) + " waits", now_ns);
  }
  for (const auto& [id, r] : running_) {
    if (r.slots == 0 && !r.cancelled && scheduler_.cost(r.model, r.variant).choices() == 1) {
      bool fits = false;
      for (uint64_t left = idle; left != 0; left &= left - 1)
        fits |= step_of(r) <= scheduler_.allowance_ns(static_cast<uint32_t>(std::countr_zero(left)));
      if (fits) return broken("a slot idles while an execution that yielded waits", now_ns);
    }
  }
}

// A hard request may wait beside something that could yield to it only while that is about to end or others are.
void Laws::blocking_bounded(TimeNs now_ns) {
  TimeNs longest = 0;
  for (const TrueModel& m : scenario_.models) {
    for (const TrueVariant& v : m.variants) longest = std::max(longest, v.step_ns);
  }
  bool asked = false;
  for (const auto& [id, r] : running_) asked |= r.asked || r.cancelled;
  std::map<std::pair<ExecutionId, RequestId>, TimeNs> still;
  for (const auto& [request, w] : waiting_) {
    if (asked || w.request.cls != Class::kHard) continue;
    for (const auto& [id, r] : running_) {
      if (r.slots == 0 || r.cls <= Class::kHard || step_of(r) == 0) continue;
      const auto before = unasked_since_.find({id, request});
      const TimeNs since = before == unasked_since_.end() ? now_ns : before->second;
      still[{id, request}] = since;
      if (now_ns - since > 4 * longest) broken("a hard request waits beside work that was never asked to yield", now_ns);
    }
  }
  unasked_since_ = std::move(still);
}

void Laws::settled(TimeNs now_ns) {
  work_conserved(now_ns);
  blocking_bounded(now_ns);
}

std::string Laws::verdict(const Report& report) {
  if (!violation_.empty()) return violation_;
  const TimeNs end = report.ended_ns;
  if (!waiting_.empty()) broken(std::to_string(waiting_.size()) + " requests are never answered", end);
  if (!running_.empty()) broken("executions never end", end);
  if (settled_.size() != admitted_)
    broken(std::to_string(admitted_) + " admitted, " + std::to_string(settled_.size()) + " answered", end);
  if (scheduler_.queued() != 0 || scheduler_.running() != 0) broken("the scheduler still holds requests", end);
  // Noise excuses some misses; so does that requests which need several threads are predicted more roughly. One in twenty, or
  // one in eight, and four in a short run are no noise.
  bool wide = false;
  for (const TrueModel& m : scenario_.models) wide |= m.threads_max > 1;
  const uint64_t excused = 4 + hard_admitted_ / (wide ? 8 : 20);
  if (hard_missed_ > excused)
    broken(std::to_string(hard_missed_) + " of " + std::to_string(hard_admitted_) + " admitted hard requests missed", end);
  return violation_;
}

}  // namespace tercel::sched::simulator
