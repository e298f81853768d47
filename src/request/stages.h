#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "platform/clock.h"

namespace tercel::request {

// Where the time of a request goes. Names as printed in metrics and in Server-Timing.
enum class Stage : uint8_t { kReceive, kParse, kQueue, kCompute, kSerialise, kSend };
inline constexpr size_t kStageCount = 6;
constexpr std::string_view stage_name(Stage stage) {
  constexpr std::string_view kNames[kStageCount] = {"receive", "parse", "queue", "compute", "serialise", "send"};
  return kNames[static_cast<size_t>(stage)];
}

// For people: to a tenth of a microsecond.
constexpr double milliseconds(int64_t ns) { return static_cast<double>(ns / 100) / 1e4; }

// A lap timer: every mark() reads the clock and adds the time since the previous mark to one stage, so each stage is
// measured by its own readings and the stages cover the request without a gap. One thread at a time.
class StageClock {
 public:
  void start(int64_t at_ns) {
    started_ns_ = last_ns_ = at_ns;
    spent_ns_ = {};
  }
  int64_t mark(Stage stage) {
    const int64_t now = platform::now_ns();
    spent_ns_[static_cast<size_t>(stage)] += now - last_ns_;
    return last_ns_ = now;
  }
  int64_t started_ns() const { return started_ns_; }
  int64_t last_ns() const { return last_ns_; }
  int64_t spent_ns(Stage stage) const { return spent_ns_[static_cast<size_t>(stage)]; }

 private:
  int64_t started_ns_ = 0, last_ns_ = 0;
  std::array<int64_t, kStageCount> spent_ns_{};
};

}  // namespace tercel::request
