// Operators that take parts of tensors or put parts together: Slice, Split, Concat.
#include <algorithm>

#include "ops/layout.h"

namespace tercel::ops {

SliceAxis slice_axis(int64_t extent, int64_t start, int64_t end, int64_t step) {
  if (start < 0) start += extent;  // cannot overflow: start < 0 <= extent
  if (end < 0) end += extent;
  step = std::max(step, -INT64_MAX);
  if (step > 0) {
    start = std::clamp<int64_t>(start, 0, extent);
    end = std::clamp<int64_t>(end, 0, extent);
    return {start, step, start < end ? (end - start - 1) / step + 1 : 0};
  }
  start = std::clamp<int64_t>(start, -1, extent - 1);
  end = std::clamp<int64_t>(end, -1, extent - 1);
  return {std::max<int64_t>(start, 0), step, start > end ? (start - end - 1) / -step + 1 : 0};
}

Result<SliceParameters> slice_parameters(const Tensor& starts, const Tensor& ends, const Tensor* axes, const Tensor* steps,
                                         int rank) {
  SliceParameters p;
  p.starts = TRY(parameter_ints(starts, "the starts of the Slice"));
  p.ends = TRY(parameter_ints(ends, "the ends of the Slice"));
  std::vector<int64_t> listed;
  if (axes) listed = TRY(parameter_ints(*axes, "the axes of the Slice"));
  else
    for (size_t i = 0; i < p.starts.size(); ++i) listed.push_back(static_cast<int64_t>(i));
  p.axes = TRY(distinct_axes(listed, rank));
  if (steps) p.steps = TRY(parameter_ints(*steps, "the steps of the Slice"));
  else p.steps.assign(p.starts.size(), 1);
  if (p.starts.size() != p.axes.size() || p.ends.size() != p.axes.size() || p.steps.size() != p.axes.size())
    return invalid("starts, ends, axes and steps of the Slice have different lengths");
  if (std::find(p.steps.begin(), p.steps.end(), 0) != p.steps.end()) return invalid("a step of the Slice is 0");
  return p;
}

namespace {

// An integer parameter of a Slice along one axis: a number, an extent, or not known.
struct Bound {
  std::optional<int64_t> number;
  Dim dim = Dim::unknown();
};

// Extent of a slice where some of it is symbolic. Where the end is a symbol ("the first `seq` rows of a table") the slice is
// taken to be that long: the engine binds with numbers, so a table that is too short for it is still found there.
Dim sliced_extent(Dim extent, const Bound& start, const Bound& end, int64_t step) {
  if (extent.is_known() && start.number && end.number)
    return Dim(slice_axis(extent.size(), *start.number, *end.number, step).count);
  if (step != 1 || !start.number) return Dim::unknown();
  if (*start.number == 0) {
    if (end.number && *end.number >= INT32_MAX) return extent;
    if (!end.number && end.dim.is_symbol()) return end.dim;
  }
  // x[-k:] of an open axis has k elements unless the axis is shorter; the same reasoning applies.
  if (*start.number < 0 && *start.number >= -kElementsMax && end.number && *end.number >= INT32_MAX) return Dim(-*start.number);
  return Dim::unknown();
}

// One Bound per listed axis of input `i`; empty when nothing is known of it.
std::vector<Bound> bounds_of(const InferContext& context, size_t i) {
  std::vector<Bound> bounds;
  const auto dims = tracked_dims(context, i);
  if (!dims) return bounds;
  for (Dim d : *dims) bounds.push_back({d.is_known() ? std::optional(d.size()) : std::nullopt, d});
  if (const Tensor* value = context.value(i))
    for (size_t k = 0; k < bounds.size(); ++k)
      bounds[k].number = element_as_int(value->dtype(), value->data(), static_cast<int64_t>(k));
  return bounds;
}

Result<void> infer_slice_known(InferContext& context) {
  const Shape& shape = context.shape(0);
  const SliceParameters p =
      TRY(slice_parameters(*context.value(1), *context.value(2), context.value(3), context.value(4), shape.rank()));
  std::vector<Dim> out(shape.begin(), shape.end());
  for (size_t k = 0; k < p.axes.size(); ++k) {
    Dim& d = out[static_cast<size_t>(p.axes[k])];
    d = sliced_extent(d, {p.starts[k]}, {p.ends[k]}, p.steps[k]);
  }
  if (const auto contents = tracked_dims(context, 0); contents && shape.rank() == 1 && p.axes.size() == 1) {
    const SliceAxis s = slice_axis(static_cast<int64_t>(contents->size()), p.starts[0], p.ends[0], p.steps[0]);
    std::vector<Dim> kept;
    for (int64_t i = 0; i < s.count; ++i) kept.push_back((*contents)[static_cast<size_t>(s.start + i * s.step)]);
    context.set_output_dims(0, std::move(kept));
  }
  return set_shape(context, 0, context.dtype(0), out);
}

}  // namespace

Result<void> infer_slice(InferContext& context) {
  TRY(want_inputs(context, 3));
  const Shape& shape = context.shape(0);
  size_t missing = 0;
  for (size_t i = 1; i <= 4; ++i) {
    if (!context.has(i)) continue;
    TRY(parameter_length(context, i, "a parameter of the Slice"));
    if (!context.value(i) && missing == 0) missing = i;
  }
  if (missing == 0) return infer_slice_known(context);

  // Partly known: axes that are listed keep what can be said of them, the others stay as they are.
  std::vector<Dim> out(static_cast<size_t>(shape.rank()), Dim::unknown());
  const std::vector<Bound> starts = bounds_of(context, 1), ends = bounds_of(context, 2), axes = bounds_of(context, 3),
                           steps = bounds_of(context, 4);
  if (starts.size() == ends.size() && !starts.empty() && (!context.has(3) || context.value(3)) &&
      (!context.has(4) || context.value(4))) {
    std::vector<int64_t> listed;
    for (size_t k = 0; k < starts.size(); ++k)
      listed.push_back(k < axes.size() && axes[k].number ? *axes[k].number : static_cast<int64_t>(k));
    const std::vector<int> normal = TRY(distinct_axes(listed, shape.rank()));
    std::copy(shape.begin(), shape.end(), out.begin());
    for (size_t k = 0; k < normal.size(); ++k) {
      Dim& d = out[static_cast<size_t>(normal[k])];
      const int64_t step = k < steps.size() && steps[k].number ? *steps[k].number : 1;
      if (step == 0) return invalid("a step of the Slice is 0");
      d = sliced_extent(d, starts[k], ends[k], step);
    }
  }
  return needs_value(context, 0, context.dtype(0), out, missing);
}

Result<std::vector<int64_t>> split_sizes(int64_t extent, const Tensor* split, size_t parts) {
  std::vector<int64_t> sizes;
  if (!split) {
    const int64_t n = static_cast<int64_t>(parts), size = extent / n + (extent % n != 0);
    for (int64_t i = 0, left = extent; i < n; ++i) {
      sizes.push_back(std::min(size, left));
      left -= sizes.back();
    }
    return sizes;
  }
  if (!is_integer(split->dtype()) || split->shape().rank() > 1 || split->elements() != static_cast<int64_t>(parts))
    return invalid("the split input of the Split must hold one integer for each of the " + std::to_string(parts) + " outputs");
  sizes = as_ints(*split);
  int64_t total = 0;
  for (int64_t size : sizes) {
    const auto sum = checked_add(total, size);
    if (size < 0 || !sum) return invalid("the Split has a part of size " + std::to_string(size));
    total = *sum;
  }
  if (total != extent)
    return invalid("the parts of the Split add up to " + std::to_string(total) + ", but the axis has " + std::to_string(extent) +
                   " elements");
  return sizes;
}

Result<void> infer_split(InferContext& context) {
  TRY(want_inputs(context, 1));
  const Shape& shape = context.shape(0);
  TRY(want_rank(context, 0, 1));
  const int axis = TRY(axis_of(context.attributes(), "axis", 0, shape.rank()));
  const size_t parts = context.output_count();
  if (parts == 0) return invalid("the Split has no outputs");
  if (const int64_t* wanted = context.attributes().get<int64_t>("num_outputs"); wanted && *wanted != static_cast<int64_t>(parts))
    return invalid("the Split has num_outputs=" + std::to_string(*wanted) + " but " + std::to_string(parts) + " outputs");
  std::vector<Dim> out(shape.begin(), shape.end());
  Dim& part = out[static_cast<size_t>(axis)];
  const Tensor* split = context.value(1);
  const bool open = context.has(1) && !split;
  std::vector<int64_t> sizes;
  if (!open && (shape[axis].is_known() || split)) {
    int64_t extent = shape[axis].is_known() ? shape[axis].size() : 0;
    if (!shape[axis].is_known() && is_integer(split->dtype()))
      for (int64_t v : as_ints(*split)) extent = checked_add(extent, std::max<int64_t>(v, 0)).value_or(extent);
    sizes = TRY(split_sizes(extent, split, parts));
  }
  for (size_t i = 0; i < parts; ++i) {
    part = !sizes.empty() ? Dim(sizes[i]) : open ? Dim::unknown() : ceil_divide(shape[axis], static_cast<int64_t>(parts));
    TRY(set_shape(context, i, context.dtype(0), out));
  }
  if (open) return needs_value(context, 0, context.dtype(0), out, 1);
  if (auto contents = tracked_dims(context, 0); contents && shape.rank() == 1 && !sizes.empty()) {
    auto next = contents->begin();
    for (size_t i = 0; i < parts && contents->end() - next >= sizes[i]; next += sizes[i++])
      context.set_output_dims(i, std::vector<Dim>(next, next + sizes[i]));
  }
  return {};
}

Result<void> infer_concat(InferContext& context) {
  TRY(want_inputs(context, 1));
  TRY(want_rank(context, 0, 1));
  TRY(want_same_dtype(context, 0, context.input_count() - 1));
  const int rank = context.shape(0).rank();
  const int axis = TRY(axis_of(context.attributes(), "axis", 0, rank));
  std::vector<Dim> out(context.shape(0).begin(), context.shape(0).end());
  for (size_t i = 1; i < context.input_count(); ++i) {
    if (!context.has(i)) return invalid("input " + std::to_string(i) + " of the Concat is missing");
    const Shape& shape = context.shape(i);
    TRY(want_rank(context, i, rank, rank));
    for (int k = 0; k < rank; ++k) {
      Dim& d = out[static_cast<size_t>(k)];
      if (k == axis) {
        d = d + shape[k];
        continue;
      }
      if (d.is_known() && shape[k].is_known() && d != shape[k])
        return invalid(describe(context, i) + " does not fit " + describe(context, 0) + " along axis " + std::to_string(k) +
                       " of the Concat");
      if (!d.is_known() && (shape[k].is_known() || d.is_unknown())) d = shape[k];
    }
  }
  std::vector<Dim> contents;
  bool tracked = rank == 1, any_open = false;
  for (size_t i = 0; tracked && i < context.input_count(); ++i) {
    const auto dims = tracked_dims(context, i);
    if (dims && context.shape(i)[0] == Dim(static_cast<int64_t>(dims->size())))
      contents.insert(contents.end(), dims->begin(), dims->end());
    // An element nobody can tell: unknown, so that its neighbours are not lost with it.
    else if (is_integer(context.dtype(i)) && context.shape(i)[0] == Dim(1)) contents.push_back(Dim::unknown());
    else tracked = false;
    any_open |= context.value(i) == nullptr;
    tracked &= static_cast<int64_t>(contents.size()) <= kTrackedElementsMax;
  }
  if (tracked && any_open) context.set_output_dims(0, std::move(contents));
  return set_shape(context, 0, context.dtype(0), out);
}

}  // namespace tercel::ops
