#include "passes/layout_rules.h"

#include <algorithm>
#include <numeric>

#include "passes/evaluate.h"

namespace tercel::passes {

namespace {

using Rewrite = std::optional<LayoutRewrite>;

int rank_of(const Editor& e, ValueId id) { return e.type(id).shape.rank(); }

LayoutRewrite over(const Node& node, std::vector<size_t> data) { return {node, std::move(data), {}}; }

Rewrite spatial(const Editor& e, const Node& node) {
  if (!is_float32(e, node.inputs[0]) || !only_first_output(node) || node.attributes.get_int("channels_last", 0))
    return std::nullopt;
  LayoutRewrite rewrite = over(node, {0});
  rewrite.node.attributes.set("channels_last", int64_t{1});
  rewrite.demands = node.is("Conv") || node.is("ConvTranspose");
  if (node.is("Conv") && has_input(node, 3)) rewrite.data.push_back(3);
  return rewrite;
}

// A constant of lower rank is aligned at its last axis: its own channels move too.
std::optional<Tensor> aligned_constant(const Tensor& constant, int rank) {
  Shape wide;
  for (int i = constant.shape().rank(); i < rank; ++i) wide.push_back(1);
  for (Dim d : constant.shape().dims()) wide.push_back(d);
  const Tensor reshaped = constant.reshaped(wide);
  const Tensor* inputs[] = {&reshaped};
  auto moved = evaluate("Transpose", permutation(perm_to_last(rank)), inputs);
  return moved ? std::optional(*moved) : std::nullopt;
}

Rewrite elementwise(const Editor& e, const Node& node) {
  const int rank = rank_of(e, node.outputs[0]);
  LayoutRewrite rewrite = over(node, {});
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId input = node.inputs[i];
    if (input == kNoValue) continue;
    if (!e.value(input).has_type) return std::nullopt;
    const Shape& shape = e.type(input).shape;
    if (std::all_of(shape.begin(), shape.end(), [](Dim d) { return d == Dim(1); })) continue;
    if (shape.rank() == rank) {
      rewrite.data.push_back(i);
      continue;
    }
    const Tensor* constant = e.graph().constant(input);
    auto moved = constant ? aligned_constant(*constant, rank) : std::nullopt;
    if (!moved) return std::nullopt;
    rewrite.constants.emplace_back(i, std::move(*moved));
  }
  return rewrite;
}

// Operators with one axis attribute.
Rewrite along_axis(const Editor& e, const Node& node) {
  const int rank = rank_of(e, node.inputs[0]);
  const int64_t otherwise = node.is("Split") ? 0 : -1;
  const auto axis = normalize_axis(node.attributes.get_int("axis", otherwise), rank);
  if (!axis) return std::nullopt;
  LayoutRewrite rewrite = over(node, {0});
  if (node.is("Concat")) {
    rewrite.data.resize(node.inputs.size());
    std::iota(rewrite.data.begin(), rewrite.data.end(), size_t{0});
  }
  rewrite.node.attributes.set("axis", axis_in_last(*axis, rank));
  return rewrite;
}

std::optional<std::vector<int64_t>> axes_in_last(const std::vector<int64_t>& axes, int rank) {
  std::vector<int64_t> moved;
  for (int64_t axis : axes) {
    const auto normal = normalize_axis(axis, rank);
    if (!normal) return std::nullopt;
    moved.push_back(axis_in_last(*normal, rank));
  }
  return moved;
}

Rewrite pad(const Editor& e, const Node& node) {
  const int rank = rank_of(e, node.inputs[0]);
  const auto pads = ints_of(e, node.inputs[1]);
  if (!pads) return std::nullopt;
  LayoutRewrite rewrite = over(node, {0});
  if (has_input(node, 3)) {
    const auto axes = ints_of(e, node.inputs[3]);
    const auto moved = axes ? axes_in_last(*axes, rank) : std::nullopt;
    if (!moved) return std::nullopt;
    rewrite.constants.emplace_back(3, int64_tensor(*moved));
    return rewrite;
  }
  if (pads->size() != static_cast<size_t>(2 * rank)) return std::nullopt;
  std::vector<int64_t> moved(pads->size());
  for (int i = 0; i < 2 * rank; ++i)
    moved[static_cast<size_t>(i / rank * rank + axis_in_last(i % rank, rank))] = (*pads)[static_cast<size_t>(i)];
  rewrite.constants.emplace_back(1, int64_tensor(moved));
  return rewrite;
}

Rewrite slice(const Editor& e, const Node& node) {
  const int rank = rank_of(e, node.inputs[0]);
  std::optional<std::vector<int64_t>> axes;
  if (has_input(node, 3)) {
    axes = ints_of(e, node.inputs[3]);
  } else if (const auto starts = ints_of(e, node.inputs[1]); starts && starts->size() <= static_cast<size_t>(rank)) {
    axes.emplace(starts->size());
    std::iota(axes->begin(), axes->end(), 0);
  }
  const auto moved = axes ? axes_in_last(*axes, rank) : std::nullopt;
  if (!moved || e.type(node.inputs[1]).dtype != DType::kInt64) return std::nullopt;  // the axes have the type of the starts
  LayoutRewrite rewrite = over(node, {0});
  rewrite.node.inputs.resize(std::max<size_t>(node.inputs.size(), 4), kNoValue);
  rewrite.constants.emplace_back(3, int64_tensor(*moved));
  return rewrite;
}

// Once `axes` are gone, the others come in the same order in both layouts.
bool keeps_order_without(const std::vector<int64_t>& axes, int rank) {
  int64_t before = -1;
  for (int axis = 0; axis < rank; ++axis) {
    if (std::find(axes.begin(), axes.end(), axis) != axes.end()) continue;
    if (axis_in_last(axis, rank) < before) return false;
    before = axis_in_last(axis, rank);
  }
  return true;
}

Rewrite reduce(const Editor& e, const Node& node) {
  const int rank = rank_of(e, node.inputs[0]);
  const auto axes = has_input(node, 1) ? reduced_axes(e, node) : std::nullopt;
  if (!axes) return std::nullopt;
  LayoutRewrite rewrite = over(node, {0});
  rewrite.gives_last = node.attributes.get_int("keepdims", 1) != 0;
  if (!rewrite.gives_last && !keeps_order_without(*axes, rank)) return std::nullopt;
  rewrite.constants.emplace_back(1, int64_tensor(*axes_in_last(*axes, rank)));
  return rewrite;
}

Rewrite squeeze(const Editor& e, const Node& node) {
  const int rank = rank_of(e, node.inputs[0]);
  const auto given = ints_of(e, input_of(node, 1));
  const auto moved = given ? axes_in_last(*given, rank) : std::nullopt;
  if (!moved) return std::nullopt;
  std::vector<int64_t> axes;
  for (int64_t axis : *given) axes.push_back(axis < 0 ? axis + rank : axis);
  if (!keeps_order_without(axes, rank)) return std::nullopt;
  LayoutRewrite rewrite = over(node, {0});
  rewrite.gives_last = false;
  rewrite.constants.emplace_back(1, int64_tensor(*moved));
  return rewrite;
}

// [N, C, 1, 1] has the same elements in the same order in both layouts.
bool is_flat(const Shape& first) {
  return std::all_of(first.begin() + 2, first.end(), [](Dim d) { return d == Dim(1); });
}

// A Reshape that keeps N and C and joins or splits the spatial axes; both layouts can do that.
Rewrite reshape_spatial(const Editor& e, const Node& node) {
  const Shape &from = e.type(node.inputs[0]).shape, &to = e.type(node.outputs[0]).shape;
  if (to.rank() < 3 || to.rank() > 4 || to.rank() == from.rank()) return std::nullopt;
  if (!from[0].same_as(to[0]) || !from[1].is_known() || !from[1].same_as(to[1]) || from[1] == Dim(0)) return std::nullopt;
  std::vector<int64_t> target = {0};
  int open = 0;
  for (int i = 2; i < to.rank(); ++i) {
    open += !to[i].is_known();
    target.push_back(to[i].is_known() ? to.size(i) : -1);
    if (to[i] == Dim(0)) return std::nullopt;  // 0 would copy
  }
  if (open > 1) return std::nullopt;
  target.push_back(from.size(1));
  LayoutRewrite rewrite = over(node, {0});
  rewrite.node.attributes = {};
  rewrite.constants.emplace_back(1, int64_tensor(target));
  return rewrite;
}

Rewrite reshape(const Editor& e, const Node& node) {
  if (is_flat(e.type(node.inputs[0]).shape)) {
    const auto target = ints_of(e, node.inputs[1]);
    const bool copies = !target || std::find(target->begin() + (target->empty() ? 0 : 1), target->end(), 0) != target->end();
    LayoutRewrite rewrite = over(node, {0});
    rewrite.gives_last = false;
    if (!copies) return rewrite;
  }
  return e.value(node.outputs[0]).has_type ? reshape_spatial(e, node) : std::nullopt;
}

Rewrite flatten(const Editor& e, const Node& node) {
  if (!is_flat(e.type(node.inputs[0]).shape) || node.attributes.get_int("axis", 1) != 1) return std::nullopt;
  LayoutRewrite rewrite = over(node, {0});
  rewrite.gives_last = false;
  return rewrite;
}

struct Rule {
  std::string_view op;
  Rewrite (*rewrite)(const Editor&, const Node&);
};
constexpr Rule kRules[] = {
    {"Conv", spatial},
    {"ConvTranspose", spatial},
    {"MaxPool", spatial},
    {"AveragePool", spatial},
    {"LpPool", spatial},
    {"GlobalAveragePool", spatial},
    {"GlobalMaxPool", spatial},
    {"GlobalLpPool", spatial},
    {"Concat", along_axis},
    {"Split", along_axis},
    {"Softmax", along_axis},
    {"LogSoftmax", along_axis},
    {"Pad", pad},
    {"Slice", slice},
    {"ReduceMean", reduce},
    {"ReduceMax", reduce},
    {"ReduceMin", reduce},
    {"ReduceSum", reduce},
    {"ReduceL2", reduce},
    {"Squeeze", squeeze},
    {"Reshape", reshape},
    {"Flatten", flatten},
};

}  // namespace

bool has_layouts(const Editor& e, ValueId id) {
  return id != kNoValue && e.value(id).has_type && (rank_of(e, id) == 3 || rank_of(e, id) == 4);
}

std::vector<int64_t> perm_to_last(int rank) {
  std::vector<int64_t> perm = {0};
  for (int i = 2; i < rank; ++i) perm.push_back(i);
  perm.push_back(1);
  return perm;
}

std::vector<int64_t> perm_to_first(int rank) {
  std::vector<int64_t> perm = {0, rank - 1};
  for (int i = 1; i + 1 < rank; ++i) perm.push_back(i);
  return perm;
}

int64_t axis_in_last(int64_t axis, int rank) { return axis == 0 ? 0 : axis == 1 ? rank - 1 : axis - 1; }

Shape shape_in_last(const Shape& first) {
  Shape last;
  for (int64_t axis : perm_to_last(first.rank())) last.push_back(first[static_cast<int>(axis)]);
  return last;
}

std::optional<LayoutRewrite> layout_rewrite(const Editor& e, const Node& node) {
  if (node.inputs.empty()) return std::nullopt;
  Rewrite rewrite;
  if (node.op->elementwise) {
    if (has_layouts(e, node.outputs[0])) rewrite = elementwise(e, node);
  } else if (has_layouts(e, node.inputs[0])) {
    const auto* rule = std::find_if(std::begin(kRules), std::end(kRules), [&](const Rule& r) { return node.is(r.op); });
    if (rule != std::end(kRules)) rewrite = rule->rewrite(e, node);
  }
  if (!rewrite) return std::nullopt;
  const bool inputs_fit =
      std::all_of(rewrite->data.begin(), rewrite->data.end(), [&](size_t i) { return has_layouts(e, node.inputs[i]); });
  const bool outputs_fit = !rewrite->gives_last || std::all_of(node.outputs.begin(), node.outputs.end(),
                                                               [&](ValueId id) { return id == kNoValue || has_layouts(e, id); });
  return inputs_fit && outputs_fit ? rewrite : std::nullopt;
}

}  // namespace tercel::passes
