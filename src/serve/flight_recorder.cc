#include "serve/flight_recorder.h"

#include <algorithm>

namespace tercel::serve {

namespace {

constexpr int64_t kMinuteNs = 60'000'000'000;

bool is_slower(const Flight& a, const Flight& b) { return a.total_ns > b.total_ns; }

// A client's own mistakes and refusals in overload are counted, not kept: they would drive out what went wrong here.
bool is_missed(Outcome outcome) {
  return outcome == Outcome::kLate || outcome == Outcome::kDeadlineMissed || outcome == Outcome::kError;
}

}  // namespace

FlightRecorder::FlightRecorder() : missed_(kMissedKept) {
  for (Minute& minute : minutes_) minute.heap.reserve(kSlowestKept);
}

bool FlightRecorder::wants(Outcome outcome, int64_t total_ns, int64_t now_ns) const {
  if (is_missed(outcome)) return true;
  if (outcome != Outcome::kOk) return false;
  return slow_minute_.load(std::memory_order_relaxed) != now_ns / kMinuteNs ||
         total_ns > slow_above_ns_.load(std::memory_order_relaxed);
}

void FlightRecorder::record(const Flight& flight, int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  if (is_missed(flight.outcome)) keep_missed(flight);
  else keep_slow(flight, now_ns / kMinuteNs);
}

void FlightRecorder::keep_missed(const Flight& flight) {
  missed_[missed_next_] = flight;
  missed_next_ = (missed_next_ + 1) % missed_.size();
  missed_count_ = std::min(missed_count_ + 1, missed_.size());
}

void FlightRecorder::keep_slow(const Flight& flight, int64_t minute) {
  Minute& kept = minutes_[static_cast<size_t>(minute) % minutes_.size()];
  if (kept.number != minute) {
    kept.number = minute;
    kept.heap.clear();
  }
  if (kept.heap.size() == kSlowestKept) {
    if (!is_slower(flight, kept.heap.front())) return;
    std::pop_heap(kept.heap.begin(), kept.heap.end(), is_slower);
    kept.heap.pop_back();
  }
  kept.heap.push_back(flight);
  std::push_heap(kept.heap.begin(), kept.heap.end(), is_slower);
  slow_above_ns_.store(kept.heap.size() == kSlowestKept ? kept.heap.front().total_ns : 0, std::memory_order_relaxed);
  slow_minute_.store(minute, std::memory_order_relaxed);
}

FlightRecorder::Reading FlightRecorder::read(int64_t now_ns) const {
  Reading reading;
  reading.missed.reserve(kMissedKept);
  reading.slowest.reserve(2 * kSlowestKept);
  {
    const std::lock_guard lock(mutex_);
    for (size_t i = 1; i <= missed_count_; ++i)
      reading.missed.push_back(missed_[(missed_next_ + missed_.size() - i) % missed_.size()]);
    for (const Minute& minute : minutes_)
      if (minute.number >= now_ns / kMinuteNs - 1)
        reading.slowest.insert(reading.slowest.end(), minute.heap.begin(), minute.heap.end());
  }
  std::sort(reading.slowest.begin(), reading.slowest.end(), is_slower);
  if (reading.slowest.size() > kSlowestKept) reading.slowest.resize(kSlowestKept);
  return reading;
}

}  // namespace tercel::serve
