#include "engine/latency_watch.h"

#include <sys/resource.h>
#include <x86intrin.h>

#include <algorithm>

namespace tercel::engine {

namespace {

// A run is late when it took longer than the promised p99 by a quarter and by what a timer interrupt takes.
constexpr double kMargin = 1.25, kMarginUs = 5;

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
  constexpr std::string_view kNames[kLateCauses] = {"page fault", "preempted", "helper preempted", "frequency", "neighbour"};
  return kNames[static_cast<size_t>(cause)];
}

void LatencyWatch::promise(double p50_us, double p99_us) {
  if (p50_us < kWatchedUsMin || p99_us < p50_us) return;
  report_.promised_p50_us = p50_us;
  report_.promised_p99_us = p99_us;
  report_.late_above_us = p99_us * kMargin + kMarginUs;
  late_above_ns_ = static_cast<int64_t>(report_.late_above_us * 1e3);
  usual_spin_ = spin_ticks();
  before_ = look(0);
}

LatencyWatch::Snapshot LatencyWatch::look(uint64_t chunks_taken_back) {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return {usage.ru_minflt + usage.ru_majflt, usage.ru_nivcsw, chunks_taken_back};
}

void LatencyWatch::add(int64_t took_ns, uint64_t chunks_taken_back) {
  ++report_.runs;
  if (took_ns <= late_above_ns_) return;
  ++report_.late;
  report_.worst_us = std::max(report_.worst_us, static_cast<double>(took_ns) * 1e-3);
  const Snapshot now = look(chunks_taken_back);
  ++report_.causes[static_cast<size_t>(cause_of(now))];
  before_ = now;
}

// What happened since the last late run, the most telling first.
LateCause LatencyWatch::cause_of(const Snapshot& now) {
  if (now.preemptions > before_.preemptions) return LateCause::kPreempted;
  if (now.taken_back > before_.taken_back) return LateCause::kHelper;
  if (now.faults > before_.faults) return LateCause::kPageFault;
  return spin_ticks() > usual_spin_ + usual_spin_ / 8 ? LateCause::kFrequency : LateCause::kNeighbour;
}

}  // namespace tercel::engine
