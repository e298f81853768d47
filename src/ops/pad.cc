// Operators that add or drop borders: Pad, CenterCropPad.
#include "ops/layout.h"

namespace tercel::ops {

namespace {

Result<PadMode> pad_mode_of(const Attributes& attributes) {
  const std::string_view mode = attributes.get_string("mode", "constant");
  if (mode == "constant") return PadMode::kConstant;
  if (mode == "reflect") return PadMode::kReflect;
  if (mode == "edge") return PadMode::kEdge;
  if (mode == "wrap") return PadMode::kWrap;
  return invalid("the Pad has mode \"" + std::string(mode) + "\"; known are constant, reflect, edge, wrap");
}

}  // namespace

Result<PadParameters> pad_parameters(const Attributes& attributes, const Tensor& pads, const Tensor* axes, int rank) {
  PadParameters p;
  p.mode = TRY(pad_mode_of(attributes));
  std::vector<int64_t> listed;
  if (axes) listed = TRY(parameter_ints(*axes, "the axes of the Pad"));
  else
    for (int i = 0; i < rank; ++i) listed.push_back(i);
  const std::vector<int> normal = TRY(distinct_axes(listed, rank));
  const std::vector<int64_t> values = TRY(parameter_ints(pads, "the pads of the Pad"));
  if (values.size() != 2 * normal.size())
    return invalid("the Pad has " + std::to_string(values.size()) + " pads for " + std::to_string(normal.size()) + " axes");
  for (size_t k = 0; k < normal.size(); ++k) {
    const int64_t begin = values[k], end = values[k + normal.size()];
    if (begin < -kElementsMax || begin > kElementsMax || end < -kElementsMax || end > kElementsMax)
      return too_large("a pad of " + std::to_string(begin) + " and " + std::to_string(end) + " is too large");
    p.begin[static_cast<size_t>(normal[k])] = begin;
    p.end[static_cast<size_t>(normal[k])] = end;
  }
  return p;
}

Result<void> infer_pad(InferContext& context) {
  TRY(want_inputs(context, 2));
  const Shape& shape = context.shape(0);
  if (context.has(2)) TRY(want_dtype(context, 2, context.dtype(2) == context.dtype(0), "the element type of input 0"));
  if (context.has(2)) TRY(want_rank(context, 2, 0, 1));
  if (context.has(2) && context.shape(2).rank() == 1 && context.shape(2)[0].is_known() && context.shape(2)[0] != Dim(1))
    return invalid(describe(context, 2) + " must be one value");
  const Tensor* pads = context.value(1);
  const Tensor* axes = context.value(3);
  if (!pads || (context.has(3) && !axes))
    return needs_value(context, 0, context.dtype(0), std::vector<Dim>(static_cast<size_t>(shape.rank()), Dim::unknown()),
                       pads ? 3 : 1);
  const PadParameters p = TRY(pad_parameters(context.attributes(), *pads, axes, shape.rank()));
  std::vector<Dim> out;
  for (int i = 0; i < shape.rank(); ++i) {
    const int64_t grown = p.begin[static_cast<size_t>(i)] + p.end[static_cast<size_t>(i)];
    if (!shape[i].is_known()) {
      out.push_back(grown == 0 ? shape[i] : Dim::unknown());
      continue;
    }
    const int64_t size = shape.size(i) + grown;
    if (size < 0)
      return invalid("the Pad leaves " + std::to_string(size) + " elements along axis " + std::to_string(i) + " of " +
                     to_string(shape));
    if (shape.size(i) == 0 && size > 0 && p.mode != PadMode::kConstant)
      return invalid("the Pad has nothing to repeat along the empty axis " + std::to_string(i));
    out.push_back(Dim(size));
  }
  return set_shape(context, 0, context.dtype(0), out);
}

Result<void> infer_center_crop_pad(InferContext& context) {
  TRY(want_inputs(context, 2));
  const Shape& shape = context.shape(0);
  std::vector<int64_t> listed(context.attributes().get_ints("axes").begin(), context.attributes().get_ints("axes").end());
  if (listed.empty())
    for (int i = 0; i < shape.rank(); ++i) listed.push_back(i);
  const std::vector<int> axes = TRY(distinct_axes(listed, shape.rank()));
  TRY(parameter_length(context, 1, "the target shape of the CenterCropPad"));
  std::vector<Dim> out(shape.begin(), shape.end());
  if (!context.value(1)) {
    const auto dims = tracked_dims(context, 1);
    bool open = false;
    for (size_t k = 0; k < axes.size(); ++k) {
      Dim& d = out[static_cast<size_t>(axes[k])];
      d = dims && k < dims->size() ? (*dims)[k] : Dim::unknown();
      open |= d.is_unknown();
    }
    return open ? Result<void>(needs_value(context, 0, context.dtype(0), out, 1)) : set_shape(context, 0, context.dtype(0), out);
  }
  const std::vector<int64_t> target = TRY(parameter_ints(context, 1, "the target shape of the CenterCropPad"));
  if (target.size() != axes.size())
    return invalid("the CenterCropPad has " + std::to_string(target.size()) + " extents for " + std::to_string(axes.size()) +
                   " axes");
  for (size_t k = 0; k < axes.size(); ++k) {
    if (target[k] < 0) return invalid("the target shape of the CenterCropPad holds " + std::to_string(target[k]));
    out[static_cast<size_t>(axes[k])] = Dim(target[k]);
  }
  return set_shape(context, 0, context.dtype(0), out);
}

}  // namespace tercel::ops
