#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tercel::load {

inline constexpr double kRateMax = 1e7;                        // requests a second of one client
inline constexpr size_t kTraceArrivalsMax = size_t{1} << 24;   // lines of a trace
inline constexpr size_t kTraceFileBytesMax = size_t{1} << 30;  // bytes of a trace

// When requests are meant to start.
enum class Process : uint8_t {
  kPoisson,   // independent users: exponential gaps
  kConstant,  // a sensor or a camera: equal gaps
  kOnOff,     // bursts: Poisson while on, silence while off; the rate is the mean over both
  kTrace,     // a replayed recording
};

struct ArrivalOptions {
  Process process = Process::kPoisson;
  double rate = 0;                                    // requests a second; a trace has its own
  int64_t on_ns = 100'000'000, off_ns = 400'000'000;  // of kOnOff
  std::shared_ptr<const std::vector<int64_t>> trace;  // of kTrace: since the start of the run, never falling
  std::string text = "poisson";                       // as the user wrote it
};

// "poisson", "constant", "on-off", "on-off:100ms/400ms" or "trace:FILE"; reads the file. The rate is left to the caller.
Result<ArrivalOptions> parse_arrivals(std::string_view text);

// A trace: one number of seconds a line, counted from the start and never falling; blank lines and what follows a '#' are
// skipped. Errors name the line. `file` is for them.
Result<std::vector<int64_t>> parse_trace(std::string_view text, const std::string& file);

// The schedule of one client. The same options and seed give the same schedule on every machine: the uniform numbers are
// std::mt19937_64's, whose sequence the standard fixes, and the exponential gaps are made of them here, because
// std::exponential_distribution's are each library's own.
class Arrivals {
 public:
  Arrivals(ArrivalOptions options, uint64_t seed);

  // The next intended start in nanoseconds since the start of the run; none when a trace has ended.
  std::optional<int64_t> next();

 private:
  double exponential_ns(double rate);

  ArrivalOptions options_;
  std::mt19937_64 random_;
  double time_ns_ = 0;
  uint64_t made_ = 0;
};

}  // namespace tercel::load
