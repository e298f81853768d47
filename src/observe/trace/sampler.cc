#include "observe/trace/sampler.h"

namespace tercel::observe::trace {

// The last 63 bits of the id as a fraction of 2^63, as other implementations of traceidratio take it.
Sampler::Sampler(const SamplerOptions& options) : parent_based_(options.parent_based) {
  constexpr auto kAll = uint64_t{1} << 63;
  if (options.ratio >= 1) bound_ = kAll;
  else if (options.ratio > 0) bound_ = static_cast<uint64_t>(options.ratio * static_cast<double>(kAll));
  else bound_ = 0;
}

}  // namespace tercel::observe::trace
