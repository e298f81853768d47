#include "engine/numerics.h"

#include <cmath>

namespace tercel::engine {

bool all_finite(const TensorType& type, const void* data) {
  if (!is_float(type.dtype)) return true;
  const int64_t elements = type.shape.elements();
  for (int64_t i = 0; i < elements; ++i)
    if (!std::isfinite(element_as_double(type.dtype, data, i))) return false;
  return true;
}

}  // namespace tercel::engine
