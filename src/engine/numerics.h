#pragma once

#include "tensor/tensor.h"

namespace tercel::engine {

// False when a float tensor holds a NaN or an infinity.
bool all_finite(const TensorType& type, const void* data);

}  // namespace tercel::engine
