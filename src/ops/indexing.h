#pragma once

#include <span>

#include "ops/checks.h"

// What the parameters of indexing operators mean, for shape rules and kernels alike.
namespace tercel::ops {

// How ScatterElements, ScatterND combine what is there with an update.
enum class ScatterReduction : uint8_t { kNone, kAdd, kMultiply, kMax, kMin };
Result<ScatterReduction> scatter_reduction_of(const Attributes& attributes);

// GatherND, ScatterND: how many indices make a tuple, and the shape of the picked slices together.
struct IndexTuples {
  int length = 1;
  std::vector<Dim> slices;
};
Result<IndexTuples> index_tuples(const InferContext& context, int batch_dims);

// GatherElements, ScatterElements: the indices fit the data (input 0).
Result<void> check_element_indices(const InferContext& context, size_t indices);

// The number in a tensor of one element, floats rounded towards zero and clamped into int64.
Result<int64_t> one_integer(const Tensor& tensor, std::string_view what);
int64_t saturated_int(double value);

// Unique: the extents around the axis that is compared; without an axis, single elements of the flattened tensor.
struct UniqueView {
  int64_t outer = 1, count = 0, inner = 1;  // slice i is elements (o, i, k) for all o, k
};
Result<UniqueView> unique_view(const Attributes& attributes, const Shape& shape);
// Finds the groups of equal slices. `order` receives the slices, group by group, each group by position; `starts` where each
// group begins in `order`. Groups are ascending, or, unsorted, by first occurrence. Both spans have `view.count` elements and
// are the only memory it uses. Returns the number of groups. A NaN equals a NaN and comes last.
int64_t find_unique(DType dtype, const void* data, const UniqueView& view, bool sorted, std::span<int64_t> order,
                    std::span<int64_t> starts);

// Compress: how many of `extent` slices the condition keeps.
int64_t count_kept(const Tensor& condition, int64_t extent);

// Shape rules; indexing.cc lists them.
Result<void> infer_gather(InferContext& context);
Result<void> infer_gather_elements(InferContext& context);
Result<void> infer_gather_nd(InferContext& context);
Result<void> infer_scatter_elements(InferContext& context);
Result<void> infer_scatter_nd(InferContext& context);
Result<void> infer_tensor_scatter(InferContext& context);
Result<void> infer_one_hot(InferContext& context);
Result<void> infer_top_k(InferContext& context);
Result<void> infer_non_zero(InferContext& context);
Result<void> infer_compress(InferContext& context);
Result<void> infer_unique(InferContext& context);

}  // namespace tercel::ops
