#include "load/client.h"

#include <algorithm>

#include "load/clock.h"

namespace tercel::load {
namespace {

constexpr int64_t kRetryNs = 10'000'000;  // before a closed client tries a broken server again

// A tag's lower half is the slot.
constexpr uint64_t tag_of(uint32_t client, uint32_t slot) { return uint64_t{client} << 32 | slot; }

}  // namespace

Client::Client(const PreparedClient& prepared, const Endpoint& endpoint, AnswerReader& answers, int epoll, uint32_t tag,
               const Window& window, uint64_t seed)
    : prepared_(prepared),
      endpoint_(endpoint),
      answers_(answers),
      epoll_(epoll),
      tag_(tag),
      window_(window),
      slots_(prepared.options.connections) {
  for (uint32_t i = prepared.options.connections; i > 0; --i) free_.push_back(i - 1);
  report_.options = prepared.options;
  report_.shapes = prepared.bodies.shapes;
  report_.slices.resize(static_cast<size_t>((window.duration_ns + window.slice_ns - 1) / window.slice_ns));
  if (prepared.options.closed) return;
  arrivals_.emplace(prepared.options.arrivals, seed);
  schedule_next();
}

void Client::schedule_next() {
  const auto next = arrivals_->next();
  next_intended_ns_ = next && window_.start_ns + *next < window_.end_ns() ? window_.start_ns + *next : kNothing;
}

int64_t Client::next_due_ns() const {
  if (arrivals_) return next_intended_ns_;
  return free_.empty() || is_over_ ? kNothing : std::max(window_.start_ns, retry_at_ns_);
}

void Client::start_due(int64_t now) {
  if (arrivals_) start_open(now);
  else start_closed(now);
}

void Client::start_open(int64_t now) {
  for (; next_intended_ns_ <= now; now = now_ns()) {
    const int64_t intended = next_intended_ns_;
    if (is_measured(intended)) report_.behind.record(now - intended);
    if (!free_.empty() && waiting_.empty()) {
      start(intended);
    } else if (waiting_.size() < kWaitingMax) {
      report_.delayed += is_measured(intended);
      waiting_.push_back(intended);
    } else {
      record(intended, now, Outcome::kTimedOut, nullptr);
    }
    schedule_next();
  }
}

void Client::start_closed(int64_t now) {
  for (; now < window_.end_ns(); now = now_ns()) {
    if (free_.empty() || now < std::max(window_.start_ns, retry_at_ns_)) return;
    start(now);
  }
  is_over_ = true;
}

void Client::start(int64_t intended_ns) {
  const uint32_t slot = free_.back();
  free_.pop_back();
  slots_[slot].intended_ns = intended_ns;
  const ClientOptions& options = prepared_.options;
  const Outgoing request{prepared_.head, prepared_.bodies.bodies[next_body_],
                         options.deadline_ns > 0 && options.reservation.empty() ? intended_ns + options.deadline_ns : 0};
  if (++next_body_ == prepared_.bodies.bodies.size()) next_body_ = 0;
  settle(slot, slots_[slot].connection.begin(endpoint_, epoll_, tag_of(tag_, slot), request));
}

void Client::start_waiting() {
  while (!waiting_.empty() && !free_.empty()) {
    const int64_t intended = waiting_.front();
    waiting_.pop_front();
    start(intended);
  }
}

void Client::on_event(uint32_t slot, uint32_t events, std::span<char> buffer) {
  Connection& connection = slots_[slot].connection;
  settle(slot, connection.on_event(events, buffer));
  start_waiting();
}

// Counts a request that has ended, and frees its connection.
void Client::settle(uint32_t slot, Connection::Progress progress) {
  if (progress == Connection::Progress::kPending) return;
  const int64_t now = now_ns();
  const Connection& connection = slots_[slot].connection;
  const int64_t intended = slots_[slot].intended_ns;
  Outcome outcome = Outcome::kConnectionError;
  if (progress == Connection::Progress::kAnswered) {
    outcome = judge(connection, now - intended);
  } else {
    if (progress == Connection::Progress::kGarbage) outcome = Outcome::kBadAnswer;
    note_example(outcome, connection.failure());
    retry_at_ns_ = now + kRetryNs;
  }
  record(intended, now, outcome, &connection);
  free_.push_back(slot);
}

Outcome Client::judge(const Connection& connection, int64_t latency_ns) {
  const Response& response = connection.response();
  const Outcome outcome = outcome_of(response.status, latency_ns, prepared_.options.deadline_ns);
  if (is_answered(outcome)) {
    const auto sound = answers_.check_answer(response);
    if (sound.ok()) return outcome;
    note_example(Outcome::kBadAnswer, sound.error().message());
    return Outcome::kBadAnswer;
  }
  if (report_.examples[static_cast<size_t>(outcome)].empty())
    note_example(outcome, std::to_string(response.status) + ": " + answers_.error_of(response));
  return outcome;
}

void Client::note_example(Outcome outcome, std::string sentence) {
  std::string& example = report_.examples[static_cast<size_t>(outcome)];
  if (example.empty()) example = std::move(sentence);
}

bool Client::is_measured(int64_t intended_ns) const {
  return intended_ns >= window_.start_ns + window_.warmup_ns && intended_ns < window_.end_ns();
}

void Client::record(int64_t intended_ns, int64_t ended_ns, Outcome outcome, const Connection* connection) {
  if (is_answered(outcome) && is_measured(ended_ns)) ++report_.answered_in_window;
  const int64_t begin_ns = window_.start_ns + window_.warmup_ns;
  // Closed: what was under way when the measuring began counts, lest a connection that hangs from then on be never told of.
  const bool counts = arrivals_ ? is_measured(intended_ns) : ended_ns >= begin_ns;
  if (!counts) return;
  const int64_t latency = ended_ns - intended_ns, deadline = prepared_.options.deadline_ns;
  ++report_.requests;
  ++report_.outcomes[static_cast<size_t>(outcome)];
  if (connection) {
    report_.bytes_sent += connection->bytes_sent();
    report_.bytes_received += connection->bytes_received();
  }
  Slice& slice = report_.slices[static_cast<size_t>(std::max<int64_t>(intended_ns - begin_ns, 0) / window_.slice_ns)];
  ++slice.outcomes[static_cast<size_t>(outcome)];
  if (is_answered(outcome)) {
    report_.answered.record(latency);
    slice.answered.record(latency);
  }
  if (outcome == Outcome::kLate) report_.late_by.record(latency - deadline);
  if (outcome == Outcome::kRefused) report_.refused.record(latency);
  if (outcome == Outcome::kDeadline) report_.given_up.record(latency);
  if ((outcome == Outcome::kRefused || outcome == Outcome::kDeadline) && deadline > 0 && latency > deadline)
    ++report_.refused_late;
}

void Client::give_up_overdue(int64_t now) {
  for (; !waiting_.empty() && now - waiting_.front() > window_.timeout_ns; waiting_.pop_front())
    record(waiting_.front(), now, Outcome::kTimedOut, nullptr);
  for (uint32_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (!slot.connection.is_busy() || now - slot.intended_ns <= window_.timeout_ns) continue;
    record(slot.intended_ns, now, Outcome::kTimedOut, &slot.connection);
    slot.connection.close();
    free_.push_back(i);
  }
  start_waiting();
}

bool Client::is_done() const { return next_due_ns() == kNothing && waiting_.empty() && free_.size() == slots_.size(); }

ClientReport Client::take_report() {
  for (const Slot& slot : slots_) report_.connections_opened += slot.connection.opened();
  return std::move(report_);
}

}  // namespace tercel::load
