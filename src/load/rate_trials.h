#pragma once

#include "load/find_rate.h"
#include "load/run.h"

namespace tercel::load {

// One search against a server. Rates are those of all open clients together, who keep their proportions; closed clients
// run beside them unchanged, and none of them counts. Clients that replay traces cannot be scaled.
struct RateTrials {
  const LoadOptions& options;
  const Endpoint& endpoint;
  std::vector<PreparedClient> clients;  // scaled anew for each trial
  const Target& target;
  RunControl& control;

  // Whether every client can take part.
  Result<void> check() const;
  // Half of what the open clients get answered over one connection each, waiting for every answer: a rate to begin with.
  Result<double> probe();
  // Applies a rate for a while. An error when the user ended it.
  Result<Trial> run(double rate, int64_t duration_ns);
};

}  // namespace tercel::load
