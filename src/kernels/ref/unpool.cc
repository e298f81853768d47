#include <cstring>

#include "kernels/ref/matrix_binds.h"
#include "kernels/ref/strided_copy.h"
#include "ops/transposed_window.h"

namespace tercel::kernels {

// The indices count in the shape that the windows cover; an output shape that is larger has zeros behind it.
Result<Kernel> bind_max_unpool(const StepContext& c) {
  const Shape &x = c.in(0).shape, &out = c.out().shape;
  const ops::TransposedWindows windows = TRY(ops::transposed_windows_of(c.attributes, {}, x.rank() - 2));
  Shape inferred = x;
  for (int i = 2; i < x.rank(); ++i) inferred[i] = TRY(ops::transposed_extent(windows, i - 2, x[i]));
  return visit_element_bytes(dtype_size(c.in(0).dtype), [&]<typename T>() {
    return Kernel([inferred, inferred_strides = strides_of(inferred), strides = strides_of(out), bytes = c.out().bytes(),
                   count = x.elements(), total = inferred.elements()](const Buffers& buffers) {
      if (bytes) std::memset(buffers.outputs[0], 0, bytes);
      for (int64_t i = 0; i < count; ++i) {
        int64_t index = buffers.in<int64_t>(1)[i];
        if (index < 0 || index >= total) continue;  // points nowhere
        int64_t at = 0;
        for (int axis = 0; axis < inferred.rank(); ++axis) {
          const auto a = static_cast<size_t>(axis);
          at += index / inferred_strides[a] * strides[a];
          index %= inferred_strides[a];
        }
        buffers.out<T>()[at] = buffers.in<T>(0)[i];
      }
    });
  });
}

}  // namespace tercel::kernels
