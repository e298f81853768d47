#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/fixed_text.h"
#include "request/stages.h"
#include "request/terms.h"
#include "serve/statistics.h"

namespace tercel::serve {

// What is kept of one request.
struct Flight {
  int64_t finished_ms = 0;  // Unix time
  int64_t version = 0;
  int64_t total_ns = 0;     // first byte in to last byte out
  int64_t deadline_us = 0;  // from the first byte in; 0: none
  std::array<int64_t, request::kStageCount> stage_ns{};
  request::Class request_class = request::Class::kSoft;
  Outcome outcome = Outcome::kOk;
  FixedText<64> model, id;
  FixedText<192> reason;  // why it was not answered; empty when it was
};

// Keeps the last requests that missed their deadline or failed, and the slowest answered ones of this minute and the one before,
// for /v2/debug/requests. Bounded; nothing is allocated after construction. record() from any thread, when the answer is out: it
// copies one Flight under a lock that readers hold for as long as copying all of them takes.
class FlightRecorder {
 public:
  static constexpr size_t kMissedKept = 256, kSlowestKept = 32;

  FlightRecorder();

  // Whether record() would keep it: looked at first, so that the usual request costs two loads.
  bool wants(Outcome outcome, int64_t total_ns, int64_t now_ns) const;
  void record(const Flight& flight, int64_t now_ns);

  struct Reading {
    std::vector<Flight> missed;   // newest first
    std::vector<Flight> slowest;  // slowest first
  };
  Reading read(int64_t now_ns) const;

 private:
  // The slowest of one minute, a heap whose top is the fastest of them.
  struct Minute {
    int64_t number = -1;
    std::vector<Flight> heap;
  };

  void keep_missed(const Flight& flight);
  void keep_slow(const Flight& flight, int64_t minute);

  mutable std::mutex mutex_;
  std::vector<Flight> missed_;  // a ring
  size_t missed_next_ = 0, missed_count_ = 0;
  std::array<Minute, 2> minutes_;
  std::atomic<int64_t> slow_minute_{-1};
  std::atomic<int64_t> slow_above_ns_{0};  // in that minute; 0 while there is room
};

}  // namespace tercel::serve
