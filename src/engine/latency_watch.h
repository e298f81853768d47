#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "plan/program.h"

namespace tercel::engine {

// Why a run was probably late.
enum class LateCause : uint8_t {
  kPageFault,  // the calling thread waited for a page
  kPreempted,  // the system gave the calling thread's core to somebody else
  kHelper,     // or a helper's, and its chunks were taken back
  kFrequency,  // the core is slower than when the shape was bound
  kNeighbour,  // none of these: caches or memory are shared with somebody busy
  kThrottled,  // the CPU quota was used up; known up to a second later, so that it may be said of the next late run
};
inline constexpr size_t kLateCauses = 6;
std::string_view late_cause_name(LateCause cause);

// Whether so many late runs disprove a promise that one of `one_in` is late, no more. Of `runs` it allows `runs / one_in` on
// average, and chance brings more now and then: as many as are counted follow a Poisson distribution, whose standard deviation is
// the square root of the average. Three of them above it are what fewer than one kept promise in a hundred reaches. (At 1,000
// runs of a p99.9 that makes 5 late ones; a rule of "more than one" would call every fourth kept promise broken.) Never before
// `one_in` runs. That the promise itself was measured, and that runs are late in bursts, is what the margin above it is for.
bool is_broken_promise(uint64_t late, uint64_t runs, uint64_t one_in);

// Runs of a bound shape against what the planner measured for it on the machine that it tuned for.
struct LatencyReport {
  double promised_p50_us = 0, promised_p99_us = 0;
  double promised_p999_us = 0;    // 0: not promised
  double late_above_us = 0;       // a run that took longer counts as late: the p99 and a margin
  double p999_late_above_us = 0;  // the same of the p99.9; 0: not promised
  uint64_t runs = 0, late = 0;
  uint64_t p999_late = 0;  // later than the p99.9 allows; of `late`
  double worst_us = 0;
  std::array<uint64_t, kLateCauses> causes{};  // of the late ones

  bool is_broken() const { return is_broken_promise(late, runs, 100); }
  bool is_p999_broken() const { return is_broken_promise(p999_late, runs, 1000); }
};

// What others than the watch count, since some time.
struct Disturbances {
  uint64_t chunks_taken_back = 0;
  uint64_t throttled = 0;  // periods
};

// Keeps the report. A late run costs some microseconds more, after it. One thread.
class LatencyWatch {
 public:
  // Runs shorter than this are not watched: looking at the clock would cost more than it tells.
  static constexpr double kWatchedUsMin = 20;

  void promise(const plan::MeasuredLatency& measured);
  bool is_on() const { return report_.promised_p99_us > 0; }
  const LatencyReport& report() const { return report_; }

  // Before the first run: what happened until now made none of its runs late.
  void begin(const Disturbances& so_far);
  void add(int64_t took_ns, const Disturbances& so_far);

 private:
  struct Snapshot {
    int64_t faults = 0, preemptions = 0;
    Disturbances others;
  };
  static Snapshot look(const Disturbances& so_far);
  LateCause cause_of(const Snapshot& now);

  LatencyReport report_;
  Snapshot before_;
  int64_t late_above_ns_ = 0, p999_late_above_ns_ = 0;
  uint64_t usual_spin_ = 0;
};

}  // namespace tercel::engine
