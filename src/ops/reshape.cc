// Operators that give the same elements another shape: Reshape, Flatten, Squeeze, Unsqueeze; and Expand and Tile, which
// repeat them.
#include <algorithm>

#include "ops/layout.h"

namespace tercel::ops {

namespace {

// The one open extent of a Reshape: product of `from` over product of `to`. Equal symbols cancel, so that
// [batch, 12, seq, 64] as [batch, seq, ?] gives 768. An error when the known parts cannot divide.
Result<Dim> quotient(std::vector<Dim> from, std::vector<Dim> to) {
  for (auto t = to.begin(); t != to.end();) {
    const auto f = std::find_if(from.begin(), from.end(), [&](Dim d) { return !t->is_known() && d.same_as(*t); });
    if (f == from.end()) {
      ++t;
      continue;
    }
    from.erase(f);
    t = to.erase(t);
  }
  int64_t numerator = 1, denominator = 1;
  std::vector<Dim> open;
  const auto multiply = [](int64_t& product, Dim d) {
    const auto next = checked_multiply(product, d.size());
    if (next) product = *next;
    return next.has_value();
  };
  for (Dim d : from) {
    if (!d.is_known()) open.push_back(d);
    else if (!multiply(numerator, d)) return too_large("the input of the Reshape has too many elements");
  }
  for (Dim d : to) {
    if (!d.is_known()) return Dim::unknown();
    if (!multiply(denominator, d)) return too_large("the target shape of the Reshape has too many elements");
  }
  if (open.empty() && (denominator == 0 || numerator % denominator != 0))
    return invalid("-1 cannot be resolved: " + std::to_string(numerator) + " elements in groups of " +
                   std::to_string(denominator));
  if (open.empty()) return Dim(numerator / denominator);
  return open.size() == 1 && numerator == denominator && numerator != 0 ? open[0] : Dim::unknown();
}

// The target of a Reshape. `target` has -1 as unknown; `contents_known` says that each unknown in it really is a -1.
Result<std::vector<Dim>> reshape_target(const Shape& input, std::vector<Dim> target, bool allow_zero, bool contents_known) {
  if (target.size() > static_cast<size_t>(kRankMax))
    return too_large("the target shape of the Reshape has rank " + std::to_string(target.size()) + ", more than " +
                     std::to_string(kRankMax));
  std::vector<Dim> from, to;  // what is left of both sides once copied extents (0) are taken out
  std::vector<bool> copied(static_cast<size_t>(kRankMax), false);
  int open = -1, open_count = 0;
  for (int i = 0; i < static_cast<int>(target.size()); ++i) {
    Dim& d = target[static_cast<size_t>(i)];
    if (d == Dim(0) && !allow_zero) {
      if (i >= input.rank())
        return invalid("element " + std::to_string(i) + " of the target shape is 0 (copy), but the input has rank " +
                       std::to_string(input.rank()));
      d = input[i];
      copied[static_cast<size_t>(i)] = true;
    } else if (d.is_unknown()) {
      open = i;
      ++open_count;
    } else {
      to.push_back(d);
    }
  }
  if (contents_known && open_count > 1) return invalid("the target shape of the Reshape has more than one -1");
  for (int i = 0; i < input.rank(); ++i)
    if (!copied[static_cast<size_t>(i)]) from.push_back(input[i]);
  if (open_count == 1) target[static_cast<size_t>(open)] = TRY(quotient(from, to));
  return target;
}

// Extents that even the engine, which only knows numbers, could not tell without the contents of a parameter.
bool has_unknown(std::span<const Dim> dims) {
  return std::any_of(dims.begin(), dims.end(), [](Dim d) { return d.is_unknown(); });
}

// Contents tracked as extents stay the same under another shape.
void pass_contents(InferContext& context) {
  if (auto dims = tracked_dims(context, 0)) context.set_output_dims(0, std::move(*dims));
}

}  // namespace

Result<void> infer_reshape(InferContext& context) {
  TRY(want_inputs(context, 2));
  const auto length = TRY(parameter_length(context, 1, "the target shape of the Reshape"));
  const bool allow_zero = context.attributes().get_int("allowzero", 0) != 0;
  const bool known = context.value(1) != nullptr;
  const auto dims = tracked_dims(context, 1);
  if (!dims) {
    if (!length) return Error(ErrorCode::kNeedsValue, "the rank of the Reshape depends on the contents of input 1");
    return needs_value(context, 0, context.dtype(0), std::vector<Dim>(static_cast<size_t>(*length), Dim::unknown()), 1);
  }
  if (known)
    for (int64_t v : TRY(context.ints(1)))
      if (v < -1) return invalid("the target shape of the Reshape holds " + std::to_string(v));
  const std::vector<Dim> target = TRY(reshape_target(context.shape(0), *dims, allow_zero, known));
  if (target.size() <= static_cast<size_t>(kRankMax) && context.shape(0).is_static() && Shape(target).is_static()) {
    TRY(set_shape(context, 0, context.dtype(0), target));
    if (Shape(target).elements() != context.shape(0).elements())
      return invalid("cannot reshape " + to_string(context.shape(0)) + " (" + std::to_string(context.shape(0).elements()) +
                     " elements) to " + to_string(Shape(target)) + " (" + std::to_string(Shape(target).elements()) + ")");
  }
  if (!known && context.shape(0).is_static() && has_unknown(target)) return needs_value(context, 0, context.dtype(0), target, 1);
  pass_contents(context);
  return set_shape(context, 0, context.dtype(0), target);
}

Result<void> infer_flatten(InferContext& context) {
  TRY(want_inputs(context, 1));
  const Shape& shape = context.shape(0);
  // One past the last axis is allowed, but negative axes still count from the rank.
  const bool negative = context.attributes().get_int("axis", 1) < 0;
  const int axis = TRY(axis_of(context.attributes(), "axis", 1, shape.rank(), !negative));
  Dim rows(1), columns(1);
  for (int i = 0; i < shape.rank(); ++i) (i < axis ? rows : columns) = (i < axis ? rows : columns) * shape[i];
  return set_shape(context, 0, context.dtype(0), std::array{rows, columns});
}

Result<void> infer_squeeze(InferContext& context) {
  TRY(want_inputs(context, 1));
  const Shape& shape = context.shape(0);
  bool dropped[kRankMax] = {};
  if (context.has(1)) {
    const auto length = TRY(parameter_length(context, 1, "the axes of the Squeeze"));
    if (!context.value(1) && length && *length <= shape.rank())
      return needs_value(context, 0, context.dtype(0),
                         std::vector<Dim>(static_cast<size_t>(shape.rank() - *length), Dim::unknown()), 1);
    for (int axis : TRY(distinct_axes(TRY(parameter_ints(context, 1, "the axes of the Squeeze")), shape.rank()))) {
      if (shape[axis].is_known() && shape[axis] != Dim(1))
        return invalid("axis " + std::to_string(axis) + " of " + to_string(shape) + " is not 1, so it cannot be squeezed");
      dropped[axis] = true;
    }
  } else {
    for (int i = 0; i < shape.rank(); ++i) {
      if (!shape[i].is_known())
        return Error(ErrorCode::kNeedsValue, "the rank of a Squeeze without axes depends on extents that are not known yet");
      dropped[i] = shape[i] == Dim(1);
    }
  }
  std::vector<Dim> out;
  for (int i = 0; i < shape.rank(); ++i)
    if (!dropped[i]) out.push_back(shape[i]);
  pass_contents(context);
  return set_shape(context, 0, context.dtype(0), out);
}

Result<void> infer_unsqueeze(InferContext& context) {
  TRY(want_inputs(context, 2));
  const Shape& shape = context.shape(0);
  const auto length = TRY(parameter_length(context, 1, "the axes of the Unsqueeze"));
  if (length && shape.rank() + *length > kRankMax)
    return too_large("the output of the Unsqueeze has rank " + std::to_string(shape.rank() + *length) + ", more than " +
                     std::to_string(kRankMax));
  if (!context.value(1) && length)
    return needs_value(context, 0, context.dtype(0),
                       std::vector<Dim>(static_cast<size_t>(shape.rank() + *length), Dim::unknown()), 1);
  const std::vector<int64_t> axes = TRY(parameter_ints(context, 1, "the axes of the Unsqueeze"));
  const int rank = shape.rank() + static_cast<int>(axes.size());
  if (rank > kRankMax)
    return too_large("the output of the Unsqueeze has rank " + std::to_string(rank) + ", more than " + std::to_string(kRankMax));
  bool added[kRankMax] = {};
  for (int axis : TRY(distinct_axes(axes, rank))) added[axis] = true;
  std::vector<Dim> out;
  for (int i = 0, from = 0; i < rank; ++i) out.push_back(added[i] ? Dim(1) : shape[from++]);
  pass_contents(context);
  return set_shape(context, 0, context.dtype(0), out);
}

Result<void> infer_expand(InferContext& context) {
  TRY(want_inputs(context, 2));
  const auto length = TRY(parameter_length(context, 1, "the target shape of the Expand"));
  if (length && *length > kRankMax)
    return too_large("the target shape of the Expand has rank " + std::to_string(*length) + ", more than " +
                     std::to_string(kRankMax));
  if (context.value(1))
    for (int64_t v : TRY(parameter_ints(context, 1, "the target shape of the Expand")))
      if (v < 0) return invalid("the target shape of the Expand holds " + std::to_string(v));
  const auto dims = tracked_dims(context, 1);
  if (!dims) {
    if (!length) return Error(ErrorCode::kNeedsValue, "the rank of the Expand depends on the contents of input 1");
    const int rank = std::max(*length, context.shape(0).rank());
    return needs_value(context, 0, context.dtype(0), std::vector<Dim>(static_cast<size_t>(rank), Dim::unknown()), 1);
  }
  if (dims->size() > static_cast<size_t>(kRankMax)) return too_large("the target shape of the Expand has too many extents");
  const Shape out = TRY(broadcast(context.shape(0), Shape(*dims)));
  if (!context.value(1) && context.shape(0).is_static() && has_unknown(out.dims()))
    return needs_value(context, 0, context.dtype(0), out.dims(), 1);
  if (auto contents = tracked_dims(context, 0); contents && contents->size() == 1 && out.is_static() && out.rank() <= 1) {
    const int64_t copies = TRY(checked_elements(out));
    if (copies <= kTrackedElementsMax)
      context.set_output_dims(0, std::vector<Dim>(static_cast<size_t>(copies), contents->front()));
  }
  return set_shape(context, 0, context.dtype(0), out.dims());
}

Result<void> infer_tile(InferContext& context) {
  TRY(want_inputs(context, 2));
  const Shape& shape = context.shape(0);
  const auto length = TRY(parameter_length(context, 1, "the repeats of the Tile"));
  if (length && *length != shape.rank())
    return invalid("the Tile has " + std::to_string(*length) + " repeats for a tensor of rank " + std::to_string(shape.rank()));
  if (context.value(1))
    for (int64_t v : TRY(parameter_ints(context, 1, "the repeats of the Tile")))
      if (v < 0) return invalid("the repeats of the Tile hold " + std::to_string(v));
  const auto repeats = tracked_dims(context, 1);
  if (!repeats || static_cast<int>(repeats->size()) != shape.rank())
    return needs_value(context, 0, context.dtype(0), std::vector<Dim>(static_cast<size_t>(shape.rank()), Dim::unknown()), 1);
  std::vector<Dim> out;
  for (int i = 0; i < shape.rank(); ++i) {
    const Dim product = shape[i] * (*repeats)[static_cast<size_t>(i)];
    if (product.is_unknown() && shape[i].is_known() && (*repeats)[static_cast<size_t>(i)].is_known())
      return too_large("the output of the Tile is too large along axis " + std::to_string(i));
    out.push_back(product);
  }
  if (!context.value(1) && shape.is_static() && has_unknown(out)) return needs_value(context, 0, context.dtype(0), out, 1);
  return set_shape(context, 0, context.dtype(0), out);
}

}  // namespace tercel::ops
