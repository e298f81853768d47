#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "engine/session.h"

namespace tercel::engine {

// How long a run keeps its thread at most before it can be stopped: what a request that wants the thread may wait for it.
struct LongestStep {
  int64_t ns = 0;
  std::string node;  // ProgramNode::name of the node of the main graph that it belongs to; empty: of none
};

// Measures the longest distance between two yield points (yield_point.h), a run's start and end included. Every distance
// counts with its median over `runs` runs, the first between the first two yield points, and so on; of these medians the longest
// is the answer. So a CPU that was taken away does not count, even where no run is short enough to keep it to the end. One more
// run goes first, which may still bind and allocate. `runs`: at least one, better an odd number.
//
// Off the hot path: allocates, and leaves the session without an observer. As one who runs it: refused while another thread uses
// the session.
Result<LongestStep> measure_longest_step(Session& session, const Binding& binding, std::span<const InputView> inputs,
                                         std::span<OutputView> outputs, int runs);

}  // namespace tercel::engine
