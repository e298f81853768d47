// ScatterElements, ScatterND and TensorScatter. Updates apply in order; out-of-range indices: see clamped_index.
#include <cmath>
#include <cstring>

#include "kernels/ref/arithmetic.h"
#include "kernels/ref/element_walk.h"
#include "kernels/ref/indexing.h"

namespace tercel::kernels {

namespace {

using ops::ScatterReduction;

// What an element becomes; a NaN on either side stays one.
template <typename T>
T combine(ScatterReduction reduction, T old, T update) {
  switch (reduction) {
    case ScatterReduction::kNone: return update;
    case ScatterReduction::kAdd: return narrowed<T>(widened(old) + widened(update));
    case ScatterReduction::kMultiply: return narrowed<T>(widened(old) * widened(update));
    case ScatterReduction::kMax:
    case ScatterReduction::kMin: break;
  }
  if constexpr (is_float_type<T>) {
    const double x = as_double(old), y = as_double(update);
    if (std::isnan(x) || std::isnan(y)) return std::isnan(x) ? old : update;
    return (reduction == ScatterReduction::kMax) == (y > x) && x != y ? update : old;
  } else {
    return reduction == ScatterReduction::kMax ? std::max(old, update) : std::min(old, update);
  }
}

void copy_data(const Buffers& b, size_t bytes) {
  if (bytes != 0 && b.in<void>(0) != b.out<void>()) std::memcpy(b.out<void>(), b.in<void>(0), bytes);
}

}  // namespace

Result<Kernel> bind_scatter_elements(const StepContext& c) {
  const Shape &data = c.in(0).shape, &indices = c.in(1).shape;
  const int axis = TRY(ops::axis_of(c.attributes, "axis", 0, data.rank()));
  const ScatterReduction reduction = TRY(ops::scatter_reduction_of(c.attributes));
  const ElementWalk start(indices, data, axis);
  const int64_t updates = data.size(axis) == 0 ? 0 : indices.elements();
  return Kernel([=, extent = data.size(axis), stride = strides_of(data)[axis], wide = c.in(1).dtype == DType::kInt64,
                 type = c.in(0)](const Buffers& b) {
    copy_data(b, type.bytes());
    visit_dtype(type.dtype, [&]<typename T>() {
      ElementWalk walk = start;
      for (int64_t i = 0; i < updates; ++i, walk.next()) {
        T& target = b.out<T>()[walk.offset() + clamped_index(index_at(b.in<void>(1), wide, i), extent) * stride];
        target = combine(reduction, target, b.in<T>(2)[i]);
      }
    });
  });
}

Result<Kernel> bind_scatter_nd(const StepContext& c) {
  const Shape &data = c.in(0).shape, &indices = c.in(1).shape;
  const ScatterReduction reduction = TRY(ops::scatter_reduction_of(c.attributes));
  const TupleIndexer indexer(data, 0, static_cast<int>(indices.size(indices.rank() - 1)), c.in(1).dtype == DType::kInt64);
  const int64_t tuples = indexer.is_empty() ? 0 : indices.elements(0, indices.rank() - 1);
  const int64_t block = data.elements(indexer.length(), data.rank());
  return Kernel([=, type = c.in(0)](const Buffers& b) {
    copy_data(b, type.bytes());
    visit_dtype(type.dtype, [&]<typename T>() {
      for (int64_t i = 0; i < tuples; ++i) {
        T* target = b.out<T>() + indexer.at(b.in<void>(1), i) * block;
        for (int64_t k = 0; k < block; ++k) target[k] = combine(reduction, target[k], b.in<T>(2)[i * block + k]);
      }
    });
  });
}

// A linear update that would reach past the end of the cache is moved back until it fits.
Result<Kernel> bind_tensor_scatter(const StepContext& c) {
  const Shape &cache = c.in(0).shape, &update = c.in(1).shape;
  const int axis = TRY(ops::axis_of(c.attributes, "axis", -2, cache.rank()));
  const bool circular = c.attributes.get_string("mode", "linear") == "circular";
  const int64_t batch = cache.size(0), outer = cache.elements(1, axis), extent = cache.size(axis), length = update.size(axis);
  const int64_t block = cache.elements(axis + 1, cache.rank()) * static_cast<int64_t>(dtype_size(c.in(0).dtype));
  const bool has_indices = c.has(2), wide = has_indices && c.in(2).dtype == DType::kInt64;
  return Kernel([=, bytes = c.out().bytes()](const Buffers& b) {
    copy_data(b, bytes);
    if (bytes == 0) return;
    for (int64_t row = 0; row < batch * outer; ++row) {
      const int64_t index = has_indices ? index_at(b.in<void>(2), wide, row / outer) : 0;
      const int64_t start = circular ? (index % extent + extent) % extent : std::clamp<int64_t>(index, 0, extent - length);
      for (int64_t t = 0; t < length; ++t)
        std::memcpy(b.out<char>() + (row * extent + (start + t) % extent) * block, b.in<char>(1) + (row * length + t) * block,
                    static_cast<size_t>(block));
    }
  });
}

}  // namespace tercel::kernels
