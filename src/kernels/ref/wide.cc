#include "kernels/ref/wide.h"

namespace tercel::kernels {

template <typename W>
void load_wide(DType dtype, const void* data, int64_t start, int64_t stride, int64_t n, W* out) {
  visit_dtype(dtype, [&]<typename Element>() {
    // A bool of a request may be any byte: only 0 is false.
    using T = std::conditional_t<std::same_as<Element, bool>, uint8_t, Element>;
    const auto widened = [](T value) { return convert<W>(convert<Element>(value)); };
    const T* from = static_cast<const T*>(data) + start;
    if (stride == 1) {
      for (int64_t i = 0; i < n; ++i) out[i] = widened(from[i]);
    } else {
      for (int64_t i = 0; i < n; ++i) out[i] = widened(from[i * stride]);
    }
  });
}

template <typename W>
void store_wide(DType dtype, void* data, int64_t start, int64_t stride, int64_t n, const W* values) {
  visit_dtype(dtype, [&]<typename T>() {
    T* to = static_cast<T*>(data) + start;
    for (int64_t i = 0; i < n; ++i) to[i * stride] = convert<T>(values[i]);
  });
}

template void load_wide(DType, const void*, int64_t, int64_t, int64_t, double*);
template void load_wide(DType, const void*, int64_t, int64_t, int64_t, int64_t*);
template void load_wide(DType, const void*, int64_t, int64_t, int64_t, uint64_t*);
template void store_wide(DType, void*, int64_t, int64_t, int64_t, const double*);
template void store_wide(DType, void*, int64_t, int64_t, int64_t, const int64_t*);
template void store_wide(DType, void*, int64_t, int64_t, int64_t, const uint64_t*);

}  // namespace tercel::kernels
