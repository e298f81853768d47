// Gather, GatherElements, GatherND.
#include "ops/indexing.h"

namespace tercel::ops {

namespace {

// The elements of a tracked list that known indices pick: how Shape -> Gather chains keep their extents.
void gather_contents(InferContext& context) {
  const auto contents = tracked_dims(context, 0);
  const Tensor* indices = context.value(1);
  if (context.value(0) || !contents || !indices || context.shape(0).rank() != 1 || indices->elements() > kTrackedElementsMax) return;
  const int64_t size = static_cast<int64_t>(contents->size());
  std::vector<Dim> picked;
  for (int64_t i : as_ints(*indices)) {
    if (i < 0) i += size;
    if (i < 0 || i >= size) return;
    picked.push_back((*contents)[static_cast<size_t>(i)]);
  }
  context.set_output_dims(0, std::move(picked));
}

}  // namespace

Result<void> infer_gather(InferContext& context) {
  TRY(want_inputs(context, 2));
  TRY(want_rank(context, 0, 1));
  TRY(want_dtype(context, 1, context.dtype(1) == DType::kInt32 || context.dtype(1) == DType::kInt64, "element type int32 or int64"));
  const Shape &data = context.shape(0), &indices = context.shape(1);
  const int axis = TRY(axis_of(context.attributes(), "axis", 0, data.rank()));
  std::vector<Dim> out(data.begin(), data.begin() + axis);
  out.insert(out.end(), indices.begin(), indices.end());
  out.insert(out.end(), data.begin() + axis + 1, data.end());
  gather_contents(context);
  return set_shape(context, 0, context.dtype(0), out);
}

}  // namespace tercel::ops
