// Operators that move elements between axes: Transpose, DepthToSpace, SpaceToDepth, Col2Im; and the two that keep the
// shape, Trilu and ReverseSequence.
#include "ops/layout.h"

namespace tercel::ops {

Result<std::vector<int>> permutation_of(const Attributes& attributes, int rank) {
  std::vector<int> result;
  if (!attributes.has("perm")) {
    for (int i = rank - 1; i >= 0; --i) result.push_back(i);
    return result;
  }
  result = TRY(distinct_axes(attributes.get_ints("perm"), rank));
  if (static_cast<int>(result.size()) != rank)
    return invalid("attribute perm has " + std::to_string(result.size()) + " axes for a tensor of rank " + std::to_string(rank));
  return result;
}

Result<void> infer_transpose(InferContext& context) {
  TRY(want_inputs(context, 1));
  const Shape& shape = context.shape(0);
  std::vector<Dim> out;
  for (int axis : TRY(permutation_of(context.attributes(), shape.rank()))) out.push_back(shape[axis]);
  return set_shape(context, 0, context.dtype(0), out);
}

Result<int64_t> block_size_of(const Attributes& attributes) {
  const int64_t block = attributes.get_int("blocksize", 0);
  if (block < 1 || block > (1 << 20))
    return invalid("attribute blocksize is " + std::to_string(block) + ", but must be 1..1048576");
  return block;
}

Result<void> infer_depth_to_space(InferContext& context) {
  TRY(want_inputs(context, 1));
  TRY(want_rank(context, 0, 4, 4));
  const Shape& shape = context.shape(0);
  const int64_t block = TRY(block_size_of(context.attributes()));
  const std::string_view mode = context.attributes().get_string("mode", "DCR");
  if (mode != "DCR" && mode != "CRD")
    return invalid("the DepthToSpace has mode \"" + std::string(mode) + "\"; known are DCR, CRD");
  if (shape[1].is_known() && shape.size(1) % (block * block) != 0)
    return invalid(describe(context, 0) + " has channels that are no multiple of blocksize squared, " +
                   std::to_string(block * block));
  return set_shape(context, 0, context.dtype(0),
                   std::array{shape[0], floor_divide(shape[1], block * block), shape[2] * Dim(block), shape[3] * Dim(block)});
}

Result<void> infer_space_to_depth(InferContext& context) {
  TRY(want_inputs(context, 1));
  TRY(want_rank(context, 0, 4, 4));
  const Shape& shape = context.shape(0);
  const int64_t block = TRY(block_size_of(context.attributes()));
  for (int i = 2; i < 4; ++i)
    if (shape[i].is_known() && shape.size(i) % block != 0)
      return invalid(describe(context, 0) + " has a height or width that is no multiple of blocksize " + std::to_string(block));
  return set_shape(
      context, 0, context.dtype(0),
      std::array{shape[0], shape[1] * Dim(block * block), floor_divide(shape[2], block), floor_divide(shape[3], block)});
}

Result<void> infer_trilu(InferContext& context) {
  TRY(want_inputs(context, 1));
  TRY(want_rank(context, 0, 2));
  if (context.has(1)) {
    TRY(want_dtype(context, 1, context.dtype(1) == DType::kInt64, "element type int64"));
    if (TRY(parameter_length(context, 1, "the diagonal k of the Trilu")).value_or(1) != 1)
      return invalid("the diagonal k of the Trilu must be one number");
  }
  return set_shape(context, 0, context.dtype(0), context.shape(0).dims());
}

Result<void> infer_reverse_sequence(InferContext& context) {
  TRY(want_inputs(context, 2));
  TRY(want_rank(context, 0, 2));
  TRY(want_rank(context, 1, 1, 1));
  TRY(want_dtype(context, 1, context.dtype(1) == DType::kInt64, "element type int64"));
  const Shape& shape = context.shape(0);
  const int batch_axis = TRY(axis_of(context.attributes(), "batch_axis", 1, shape.rank()));
  const int time_axis = TRY(axis_of(context.attributes(), "time_axis", 0, shape.rank()));
  if (batch_axis + time_axis != 1)
    return invalid("batch_axis and time_axis of the ReverseSequence must be 0 and 1, in either order");
  const Dim lengths = context.shape(1)[0];
  if (lengths.is_known() && shape[batch_axis].is_known() && lengths != shape[batch_axis])
    return invalid(describe(context, 1) + " must have one length for each of the " + std::to_string(shape.size(batch_axis)) +
                   " batch elements");
  return set_shape(context, 0, context.dtype(0), shape.dims());
}

namespace {

// An attribute with `count` numbers of at least `low`, or `otherwise` repeated when it is absent.
Result<std::vector<int64_t>> numbers_of(const Attributes& attributes, std::string_view name, size_t count, int64_t otherwise,
                                        int64_t low) {
  const auto given = attributes.get_ints(name);
  if (given.empty()) return std::vector<int64_t>(count, otherwise);
  if (given.size() != count)
    return invalid("attribute " + std::string(name) + " must have " + std::to_string(count) + " numbers");
  for (int64_t v : given)
    if (v < low || v > kElementsMax) return invalid("attribute " + std::string(name) + " holds " + std::to_string(v));
  return std::vector<int64_t>(given.begin(), given.end());
}

}  // namespace

Result<Col2ImParameters> col2im_parameters(const Attributes& attributes, const Tensor& image_shape, const Tensor& block_shape) {
  Col2ImParameters p;
  p.image = TRY(parameter_ints(image_shape, "the image shape of the Col2Im"));
  p.block = TRY(parameter_ints(block_shape, "the block shape of the Col2Im"));
  const size_t rank = p.image.size();
  if (rank == 0 || rank > static_cast<size_t>(kRankMax) - 2 || p.block.size() != rank)
    return invalid("image shape and block shape of the Col2Im must have the same 1.." + std::to_string(kRankMax - 2) +
                   " extents");
  p.dilations = TRY(numbers_of(attributes, "dilations", rank, 1, 1));
  p.strides = TRY(numbers_of(attributes, "strides", rank, 1, 1));
  const std::vector<int64_t> pads = TRY(numbers_of(attributes, "pads", 2 * rank, 0, 0));
  for (size_t i = 0; i < rank; ++i) {
    p.pads_begin.push_back(pads[i]);
    if (p.image[i] < 0 || p.image[i] > kElementsMax || p.block[i] < 1 || p.block[i] > kElementsMax)
      return invalid("an extent of the image shape or block shape of the Col2Im is out of range");
    const auto reach = checked_multiply(p.block[i] - 1, p.dilations[i]);
    const int64_t room = reach ? p.image[i] + pads[i] + pads[i + rank] - 1 - *reach : -1;
    p.positions.push_back(room < 0 ? 0 : room / p.strides[i] + 1);
  }
  p.image_elements = TRY(checked_elements(Shape(std::span<const int64_t>(p.image))));
  p.block_elements = TRY(checked_elements(Shape(std::span<const int64_t>(p.block))));
  p.position_count = TRY(checked_elements(Shape(std::span<const int64_t>(p.positions))));
  return p;
}

Result<void> infer_col2im(InferContext& context) {
  TRY(want_inputs(context, 3));
  TRY(want_rank(context, 0, 3, 3));
  const Shape& shape = context.shape(0);
  const auto rank = TRY(parameter_length(context, 1, "the image shape of the Col2Im"));
  TRY(parameter_length(context, 2, "the block shape of the Col2Im"));
  if (!context.value(1) || !context.value(2)) {
    if (!rank) return Error(ErrorCode::kNeedsValue, "the rank of the Col2Im depends on the contents of input 1");
    std::vector<Dim> out(static_cast<size_t>(*rank) + 2, Dim::unknown());
    out[0] = shape[0];
    return needs_value(context, 0, context.dtype(0), out, context.value(1) ? 2 : 1);
  }
  const Col2ImParameters p = TRY(col2im_parameters(context.attributes(), *context.value(1), *context.value(2)));
  if (shape[1].is_known() && (p.block_elements == 0 || shape.size(1) % p.block_elements != 0))
    return invalid(describe(context, 0) + " has rows that are no multiple of the block's " + std::to_string(p.block_elements) +
                   " elements");
  if (shape[2].is_known() && shape.size(2) != p.position_count)
    return invalid(describe(context, 0) + " must have " + std::to_string(p.position_count) +
                   " columns, one for each place of the block");
  std::vector<Dim> out{shape[0], floor_divide(shape[1], p.block_elements)};
  for (int64_t extent : p.image) out.push_back(Dim(extent));
  return set_shape(context, 0, context.dtype(0), out);
}

}  // namespace tercel::ops
