#pragma once

#include <cstdint>

#include "observe/trace/context.h"

namespace tercel::observe::trace {

// Which requests are kept: OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG.
struct SamplerOptions {
  double ratio = 1;          // of traces that are kept; 0: none (always_off), 1: all (always_on)
  bool parent_based = true;  // a request that comes with a trace follows its caller; the ratio is for those that begin one
};

// A pure function of the trace: all servers on the way of a trace that use the same ratio keep the same traces.
class Sampler {
 public:
  explicit Sampler(const SamplerOptions& options);

  // `parent` may be invalid: the trace begins here, as `trace`.
  bool wants(const Parent& parent, const TraceId& trace) const {
    if (parent_based_ && parent.is_valid()) return parent.is_sampled;
    return (trace.low >> 1) < bound_;
  }

 private:
  uint64_t bound_;  // of 2^63
  bool parent_based_;
};

}  // namespace tercel::observe::trace
