#pragma once

#include <array>
#include <atomic>

#include "observe/counter.h"

namespace tercel::transport::http {

// What the HTTP side counts for itself. Any thread.
struct Counters {
  std::array<observe::Counter, 6> replies;  // by first digit of the status: replies[2] counts 2xx
  observe::Counter connections_accepted, connections_refused, timeouts;
  observe::Counter bytes_received, bytes_sent;
  std::atomic<int64_t> connections_open{0};
};

}  // namespace tercel::transport::http
