#include "engine/latency_watch.h"

#include <sys/resource.h>
#include <x86intrin.h>

#include <algorithm>
#include <cmath>

namespace tercel::engine {

namespace {

// A run is late when it took longer than the promised percentile by a quarter and by what a timer interrupt takes.
constexpr double kMargin = 1.25, kMarginUs = 5;

// An hour; a plan may say anything.
constexpr double kWatchedUsMax = 3.6e9;

// Ticks of the time stamp counter, which does not follow the core's frequency, for a chain of additions, which does. The
// least of a few: a chain may be interrupted.
uint64_t spin_ticks() {
  uint64_t least = UINT64_MAX;
  for (int round = 0; round < 4; ++round) {
    const uint64_t start = __rdtsc();
    uint64_t sum = 0;
    for (int i = 0; i < 1000; ++i) asm volatile("add $1, %0" : "+r"(sum));
    least = std::min(least, uint64_t{__rdtsc()} - start);
  }
  return least;
}

}  // namespace

std::string_view late_cause_name(LateCause cause) {
  constexpr std::string_view kNames[kLateCauses] = {"page fault", "preempted", "helper preempted",
                                                    "frequency",  "neighbour", "throttled"};
  return kNames[static_cast<size_t>(cause)];
}

bool is_broken_promise(uint64_t late, uint64_t runs, uint64_t one_in) {
  const double allowed = static_cast<double>(runs) / static_cast<double>(one_in);
  return runs >= one_in && static_cast<double>(late) > allowed + 3 * std::sqrt(allowed);
}

void LatencyWatch::promise(const plan::MeasuredLatency& measured) {
  if (!(measured.p50_us >= kWatchedUsMin && measured.p99_us >= measured.p50_us && measured.p99_us <= kWatchedUsMax)) return;
  report_.promised_p50_us = measured.p50_us;
  report_.promised_p99_us = measured.p99_us;
  report_.late_above_us = measured.p99_us * kMargin + kMarginUs;
  late_above_ns_ = static_cast<int64_t>(report_.late_above_us * 1e3);
  if (measured.p999_us >= measured.p99_us && measured.p999_us <= kWatchedUsMax) {
    report_.promised_p999_us = measured.p999_us;
    report_.p999_late_above_us = measured.p999_us * kMargin + kMarginUs;
    p999_late_above_ns_ = static_cast<int64_t>(report_.p999_late_above_us * 1e3);
  }
  usual_spin_ = spin_ticks();
  begin({});
}

void LatencyWatch::begin(const Disturbances& so_far) {
  if (is_on()) before_ = look(so_far);
}

LatencyWatch::Snapshot LatencyWatch::look(const Disturbances& so_far) {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return {usage.ru_minflt + usage.ru_majflt, usage.ru_nivcsw, so_far};
}

void LatencyWatch::add(int64_t took_ns, const Disturbances& so_far) {
  ++report_.runs;
  if (took_ns <= late_above_ns_) return;
  ++report_.late;
  if (report_.promised_p999_us > 0 && took_ns > p999_late_above_ns_) ++report_.p999_late;
  report_.worst_us = std::max(report_.worst_us, static_cast<double>(took_ns) * 1e-3);
  const Snapshot now = look(so_far);
  ++report_.causes[static_cast<size_t>(cause_of(now))];
  before_ = now;
}

// What happened since the last late run, the most telling first.
LateCause LatencyWatch::cause_of(const Snapshot& now) {
  if (now.others.throttled > before_.others.throttled) return LateCause::kThrottled;
  if (now.preemptions > before_.preemptions) return LateCause::kPreempted;
  if (now.others.chunks_taken_back > before_.others.chunks_taken_back) return LateCause::kHelper;
  if (now.faults > before_.faults) return LateCause::kPageFault;
  return spin_ticks() > usual_spin_ + usual_spin_ / 8 ? LateCause::kFrequency : LateCause::kNeighbour;
}

}  // namespace tercel::engine
