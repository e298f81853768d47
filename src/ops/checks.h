#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/op.h"

// Questions that many shape rules and kernel binders ask of inputs they do not trust.
namespace tercel::ops {

// Arity limits of variadic operators.
inline constexpr int kVariadic = -1;
inline constexpr int kVariadicOutputs = 1 << 20;

// Elements of a shape, axes, pads or starts input: more than any legal tensor rank needs, twice over for begin/end pairs.
inline constexpr int64_t kParameterElementsMax = 2 * kRankMax;

// Elements of an integer tensor whose contents are tracked as extents (InferContext::Input::dims).
inline constexpr int64_t kTrackedElementsMax = 64;

// "input 2 (shape 3x4)" for messages.
std::string describe(const InferContext& context, size_t input);

// The first `count` inputs are present.
Result<void> want_inputs(const InferContext& context, size_t count);
Result<void> want_rank(const InferContext& context, size_t input, int low, int high = kRankMax);
// The dtype of `input` satisfies `holds`; otherwise the error says it `wants` ("an integer type").
Result<void> want_dtype(const InferContext& context, size_t input, bool holds, std::string_view wants);
// All present inputs from `first` to `last` have the dtype of `first`.
Result<void> want_same_dtype(const InferContext& context, size_t first, size_t last);

// An axis attribute as 0..rank-1 (0..rank with `one_past`).
Result<int> axis_of(const Attributes& attributes, std::string_view name, int64_t otherwise, int rank, bool one_past = false);
// Distinct axes in 0..rank-1 from possibly negative ones.
Result<std::vector<int>> distinct_axes(std::span<const int64_t> axes, int rank);

// Elements of a small parameter tensor of rank 0 or 1 that holds integers.
Result<std::vector<int64_t>> parameter_ints(const Tensor& tensor, std::string_view what);
Result<std::vector<int64_t>> parameter_ints(const InferContext& context, size_t input, std::string_view what);

// How many elements a rank-1 parameter input has, when its extent is known; an error when it cannot be a parameter.
Result<std::optional<int>> parameter_length(const InferContext& context, size_t input, std::string_view what);

// The contents of a small integer input as extents; negative numbers (-1 in the shape of a Reshape) become unknown.
// Nothing when they are not known, or when there are more than kTrackedElementsMax.
std::optional<std::vector<Dim>> tracked_dims(const InferContext& context, size_t input);

// Sets an output after checking its rank and, where it is static, its element count.
Result<void> set_shape(InferContext& context, size_t output, DType dtype, std::span<const Dim> dims);

// Sets an output of known rank whose extents depend on the contents of `input`, and returns kNeedsValue.
Error needs_value(InferContext& context, size_t output, DType dtype, std::span<const Dim> dims, size_t input);

}  // namespace tercel::ops
