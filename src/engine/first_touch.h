#pragma once

#include "engine/environment.h"
#include "kernels/workers.h"

namespace tercel::engine {

// Reads the packed weights that the main graph's tuned steps are going to use, on all threads: pages that are absent come in
// and blocks are compared with their checksums, each once for a program. Binding does the same step by step on one thread,
// and reports what is corrupted; this only makes it find the work done. `bucket` may be null.
void touch_weights(const Environment& environment, const plan::Bucket* bucket, kernels::Workers& workers);

}  // namespace tercel::engine
