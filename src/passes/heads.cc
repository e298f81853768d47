#include "passes/heads.h"

#include <algorithm>
#include <array>

#include "base/checked.h"

namespace tercel::passes {

Heads heads_of(const Editor& e, ValueId operand, std::span<const int64_t> perm) {
  std::vector<int64_t> walked = {0, 1, 2, 3};
  Heads heads;
  ValueId at = operand;
  for (;;) {
    const Scaled scaled = peel_scale(e, at);
    at = scaled.x;
    heads.factor *= scaled.factor;
    const NodeId transpose = e.producer_is(at, "Transpose");
    if (transpose == kNoNode || std::equal(walked.begin(), walked.end(), perm.begin(), perm.end())) break;
    const auto step = permutation_of(e, e.node(transpose));
    if (step.size() != walked.size()) return {};
    for (int64_t& axis : walked) axis = step[static_cast<size_t>(axis)];
    at = e.node(transpose).inputs[0];
  }
  if (!std::equal(walked.begin(), walked.end(), perm.begin(), perm.end()) || !is_float32(e, at)) return {};
  const Shape& shape = e.type(at).shape;
  if (shape.rank() != 4 || !shape[2].is_known() || !shape[3].is_known()) return {};
  heads.split = at;
  heads.batch = shape[0];
  heads.length = shape[1];
  heads.count = shape.size(2);
  heads.width = shape.size(3);
  return heads;
}

bool splits_heads(const Shape& rows, const Shape& split) {
  if (rows.rank() != 3 || split.rank() != 4 || !rows[2].is_known() || !split[2].is_known() || !split[3].is_known()) return false;
  const auto width = checked_multiply(split.size(2), split.size(3));
  // With the same number of elements and the same last axes, one equal extent of the first two makes the other equal.
  return width && *width == rows.size(2) && *width > 0 && (rows[0].same_as(split[0]) || rows[1].same_as(split[1]));
}

ValueId joined_heads(Editor& e, const Heads& heads, const std::string& name) {
  const NodeId reshape = e.producer_is(heads.split, "Reshape");
  if (reshape != kNoNode) {
    const ValueId rows = e.node(reshape).inputs[0];
    if (e.value(rows).has_type && splits_heads(e.type(rows).shape, e.type(heads.split).shape)) return rows;
  }
  const std::array<int64_t, 3> target = {0, 0, heads.count * heads.width};
  const ValueId shape = e.add_constant(name + "/rows", int64_tensor(target));
  return e.add("Reshape", name, {heads.split, shape}, {}, {DType::kFloat32, Shape{heads.batch, heads.length, target[2]}});
}

}  // namespace tercel::passes
