// ScatterElements, ScatterND, TensorScatter.
#include "ops/indexing.h"
#include "ops/rules.h"

namespace tercel::ops {

Result<ScatterReduction> scatter_reduction_of(const Attributes& attributes) {
  const std::string_view name = attributes.get_string("reduction", "none");
  if (name == "none") return ScatterReduction::kNone;
  if (name == "add") return ScatterReduction::kAdd;
  if (name == "mul") return ScatterReduction::kMultiply;
  if (name == "max") return ScatterReduction::kMax;
  if (name == "min") return ScatterReduction::kMin;
  return invalid("attribute reduction is \"" + std::string(name) + "\"; known are none, add, mul, max, min");
}

Result<void> infer_scatter_elements(InferContext& context) {
  TRY(want_inputs(context, 3));
  TRY(want_type(context, 1, kIndexTypes));
  TRY(want_dtype(context, 2, context.dtype(2) == context.dtype(0), "the element type of input 0"));
  TRY(scatter_reduction_of(context.attributes()));
  TRY(check_element_indices(context, 1));
  TRY(want_rank(context, 2, context.shape(1).rank(), context.shape(1).rank()));
  for (int i = 0; i < context.shape(1).rank(); ++i)
    TRY(unify(context.shape(1)[i], context.shape(2)[i], "extents of indices and updates along axis " + std::to_string(i)));
  return set_shape(context, 0, context.dtype(0), context.shape(0).dims());
}

Result<void> infer_scatter_nd(InferContext& context) {
  TRY(want_inputs(context, 3));
  TRY(want_type(context, 1, kIndexTypes));
  TRY(want_dtype(context, 2, context.dtype(2) == context.dtype(0), "the element type of input 0"));
  TRY(scatter_reduction_of(context.attributes()));
  TRY(set_shape(context, 0, context.dtype(0), context.shape(0).dims()));
  const IndexTuples tuples = TRY(index_tuples(context, 0));
  const int rank = static_cast<int>(tuples.slices.size());
  TRY(want_rank(context, 2, rank, rank));
  for (int i = 0; i < rank; ++i)
    TRY(unify(tuples.slices[static_cast<size_t>(i)], context.shape(2)[i],
              "extents of indices and updates along axis " + std::to_string(i)));
  return {};
}

Result<void> infer_tensor_scatter(InferContext& context) {
  TRY(want_inputs(context, 2));
  TRY(want_dtype(context, 1, context.dtype(1) == context.dtype(0), "the element type of input 0"));
  TRY(want_type(context, 2, kIndexTypes));
  const Shape &cache = context.shape(0), &update = context.shape(1);
  TRY(want_rank(context, 0, 2));
  TRY(want_rank(context, 1, cache.rank(), cache.rank()));
  const int axis = TRY(axis_of(context.attributes(), "axis", -2, cache.rank()));
  if (axis == 0) return invalid("attribute axis of the TensorScatter must not be the batch axis 0");
  const std::string_view mode = context.attributes().get_string("mode", "linear");
  if (mode != "linear" && mode != "circular")
    return invalid("attribute mode is \"" + std::string(mode) + "\"; known are linear, circular");
  for (int i = 0; i < cache.rank(); ++i)
    if (i != axis) TRY(unify(cache[i], update[i], "extents of cache and update along axis " + std::to_string(i)));
  if (cache[axis].is_known() && update[axis].is_known() && update.size(axis) > cache.size(axis))
    return invalid(describe(context, 1) + " is longer than the cache along axis " + std::to_string(axis));
  if (context.has(2)) {
    TRY(want_rank(context, 2, 1, 1));
    TRY(unify(context.shape(2)[0], cache[0], "the number of write indices and the batch size"));
  }
  return set_shape(context, 0, context.dtype(0), cache.dims());
}

}  // namespace tercel::ops
