#pragma once

#include <vector>

#include "kernels/ref/op_runner.h"

namespace tercel::kernels {

// For tests: small valid nodes of the operators that random nodes hardly ever satisfy.
std::vector<OpCase> sample_nodes();

}  // namespace tercel::kernels
