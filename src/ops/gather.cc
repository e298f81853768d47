// Gather, GatherElements, GatherND.
#include "ops/indexing.h"
#include "ops/rules.h"

namespace tercel::ops {

namespace {

// The elements of a tracked list that known indices pick: how Shape -> Gather chains keep their extents.
void gather_contents(InferContext& context) {
  const auto contents = tracked_dims(context, 0);
  const Tensor* indices = context.value(1);
  if (!contents || !indices || context.shape(0).rank() != 1 || indices->elements() > kTrackedElementsMax) return;
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
  TRY(want_type(context, 1, kIndexTypes));
  const Shape &data = context.shape(0), &indices = context.shape(1);
  const int axis = TRY(axis_of(context.attributes(), "axis", 0, data.rank()));
  std::vector<Dim> out(data.begin(), data.begin() + axis);
  out.insert(out.end(), indices.begin(), indices.end());
  out.insert(out.end(), data.begin() + axis + 1, data.end());
  gather_contents(context);
  return set_shape(context, 0, context.dtype(0), out);
}

// Indices may be shorter than the data along the other axes, never longer.
Result<void> infer_gather_elements(InferContext& context) {
  TRY(want_inputs(context, 2));
  TRY(want_type(context, 1, kIndexTypes));
  TRY(check_element_indices(context, 1));
  return set_shape(context, 0, context.dtype(0), context.shape(1).dims());
}

Result<void> check_element_indices(const InferContext& context, size_t indices) {
  const Shape &data = context.shape(0), &index = context.shape(indices);
  TRY(want_rank(context, 0, 1));
  TRY(want_rank(context, indices, data.rank(), data.rank()));
  const int axis = TRY(axis_of(context.attributes(), "axis", 0, data.rank()));
  for (int i = 0; i < data.rank(); ++i)
    if (i != axis && index[i].is_known() && data[i].is_known() && index.size(i) > data.size(i))
      return invalid(describe(context, indices) + " is larger than " + describe(context, 0) + " along axis " + std::to_string(i));
  return {};
}

// Indices [batch..., outer..., k] pick slices of data [batch..., k extents, inner...].
Result<IndexTuples> index_tuples(const InferContext& context, int batch_dims) {
  const Shape &data = context.shape(0), &index = context.shape(1);
  TRY(want_rank(context, 0, 1));
  TRY(want_rank(context, 1, 1));
  const Dim length = index[index.rank() - 1];
  if (batch_dims < 0 || batch_dims >= data.rank() || batch_dims >= index.rank())
    return invalid("attribute batch_dims is " + std::to_string(batch_dims) + ", but must be less than the ranks of both inputs");
  for (int i = 0; i < batch_dims; ++i)
    TRY(unify(data[i], index[i], "batch extents of " + describe(context, 0) + " and " + describe(context, 1)));
  if (!length.is_known()) return Error(ErrorCode::kNeedsValue, "the rank of the output depends on the last extent of input 1");
  if (length.size() < 1 || length.size() > data.rank() - batch_dims)
    return invalid("the last extent of " + describe(context, 1) + " must be 1.." + std::to_string(data.rank() - batch_dims));
  IndexTuples tuples{static_cast<int>(length.size()), {}};
  for (int i = 0; i + 1 < index.rank(); ++i) tuples.slices.push_back(index[i]);
  for (int i = batch_dims + tuples.length; i < data.rank(); ++i) tuples.slices.push_back(data[i]);
  return tuples;
}

Result<void> infer_gather_nd(InferContext& context) {
  TRY(want_inputs(context, 2));
  TRY(want_type(context, 1, kIndexTypes));
  const int64_t batch_dims = context.attributes().get_int("batch_dims", 0);
  if (batch_dims < 0 || batch_dims >= kRankMax) return invalid("attribute batch_dims is " + std::to_string(batch_dims));
  return set_shape(context, 0, context.dtype(0), TRY(index_tuples(context, static_cast<int>(batch_dims))).slices);
}

}  // namespace tercel::ops
