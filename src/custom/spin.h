#pragma once

#include "base/result.h"

namespace tercel::custom {

// Makes `Spin` of the domain tercel.test, version 1, known to the process: an identity that costs us x (1 + batch_factor (n - 1))
// microseconds of the calling thread's CPU time for a leading extent of n (a scalar counts as 1). For measuring what happens
// around models: schedulers and servers, on equal terms with a peer's delay. Attributes: us, float, 0 to 60,000,000;
// batch_factor, float, 0 to 1, default 0. Not for production: commands load it only when they are told to. Any thread; again does
// nothing.
Result<void> add_test_operators();

}  // namespace tercel::custom
