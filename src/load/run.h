#pragma once

#include <atomic>
#include <vector>

#include "load/client.h"

namespace tercel::load {

// Asks the server for each client's model and makes the requests; raises the limit of open files when the connections
// need it. What it returns can be run many times.
Result<std::vector<PreparedClient>> prepare(const LoadOptions& options, const Endpoint& endpoint);

// How another thread looks at a run and ends it.
struct RunControl {
  std::atomic<bool> stop{false};       // set it to end the run early
  std::atomic<int64_t> elapsed_ns{0};  // since the schedules began
};

// Applies the load and measures, on the calling thread alone: one loop over an epoll and a timer for all clients. Returns
// when every request has ended, at the latest a time-out after the last one was meant to start. Errors are those of the
// operating system; what the server does wrong is counted.
Result<Report> run(const LoadOptions& options, const Endpoint& endpoint, const std::vector<PreparedClient>& clients,
                   RunControl& control);

}  // namespace tercel::load
