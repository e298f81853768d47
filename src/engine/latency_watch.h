#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace tercel::engine {

// Why a run was probably late.
enum class LateCause : uint8_t {
  kPageFault,  // the calling thread waited for a page
  kPreempted,  // the system gave the calling thread's core to somebody else
  kHelper,     // or a helper's, and its chunks were taken back
  kFrequency,  // the core is slower than when the shape was bound
  kNeighbour,  // none of these: caches or memory are shared with somebody busy
};
inline constexpr size_t kLateCauses = 5;
std::string_view late_cause_name(LateCause cause);

// Runs of a bound shape against what the planner measured for it on the machine that it tuned for.
struct LatencyReport {
  double promised_p50_us = 0, promised_p99_us = 0;
  double late_above_us = 0;  // a run that took longer counts as late: the p99 and a margin
  uint64_t runs = 0, late = 0;
  double worst_us = 0;
  std::array<uint64_t, kLateCauses> causes{};  // of the late ones

  // More runs were late than the hundredth that a p99 allows. Never before a hundred runs.
  bool is_broken() const { return runs >= 100 && late * 100 > runs; }
};

// Keeps the report. A late run costs some microseconds more, after it. One thread.
class LatencyWatch {
 public:
  // Runs shorter than this are not watched: looking at the clock would cost more than it tells.
  static constexpr double kWatchedUsMin = 20;

  void promise(double p50_us, double p99_us);
  bool is_on() const { return report_.promised_p99_us > 0; }
  const LatencyReport& report() const { return report_; }

  void add(int64_t took_ns, uint64_t chunks_taken_back);  // of the session so far

 private:
  struct Snapshot {
    int64_t faults = 0, preemptions = 0;
    uint64_t taken_back = 0;
  };
  static Snapshot look(uint64_t chunks_taken_back);
  LateCause cause_of(const Snapshot& now);

  LatencyReport report_;
  Snapshot before_;
  int64_t late_above_ns_ = 0;
  uint64_t usual_spin_ = 0;
};

}  // namespace tercel::engine
