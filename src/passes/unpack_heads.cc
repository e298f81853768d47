#include <algorithm>
#include <array>

#include "base/checked.h"
#include "passes/heads.h"

namespace tercel::passes {

namespace {

constexpr std::array<int64_t, 5> kPiecesFirst = {2, 0, 3, 1, 4};

// A piece along axis 0 of the transposed tensor: the node that makes it without that axis, and its index.
struct Piece {
  NodeId id = kNoNode;
  int64_t index = 0;
};

bool drops_axis_0(const Editor& e, const Node& node) {
  const auto axes = node.is("Squeeze") ? ints_of(e, input_of(node, 1)) : std::nullopt;
  return axes && *axes == std::vector<int64_t>{0};
}

// All readers of `packed` as pieces; empty when one of them does something else.
std::vector<Piece> pieces_of(const Editor& e, ValueId packed, int64_t count) {
  std::vector<Piece> pieces;
  for (NodeId reader : e.readers(packed)) {
    const Node& node = e.node(reader);
    if (node.is("Gather") && node.inputs[0] == packed && node.attributes.get_int("axis", 0) == 0) {
      const Tensor* index = e.graph().constant(node.inputs[1]);
      if (!index || index->shape().rank() != 0) return {};
      const int64_t at = element_as_int(index->dtype(), index->data(), 0);
      if (at < -count || at >= count) return {};
      pieces.push_back({reader, at < 0 ? at + count : at});
    } else if (node.is("Split") && node.attributes.get_int("axis", 0) == 0 &&
               static_cast<int64_t>(node.outputs.size()) == count) {
      for (size_t i = 0; i < node.outputs.size(); ++i) {
        if (node.outputs[i] == kNoValue || e.unread(node.outputs[i])) continue;
        if (!e.single_reader(node.outputs[i]) || !drops_axis_0(e, e.node(e.readers(node.outputs[i])[0]))) return {};
        pieces.push_back({e.readers(node.outputs[i])[0], static_cast<int64_t>(i)});
      }
    } else {
      return {};
    }
  }
  return pieces;
}

// The projection [B, S, n * H * D] below, when the Reshape does nothing but split its last axis.
ValueId projection_of(const Editor& e, ValueId split) {
  const NodeId reshape = e.producer_is(split, "Reshape");
  if (reshape == kNoNode || !is_float32(e, split)) return kNoValue;
  const ValueId rows = e.node(reshape).inputs[0];
  const Shape &from = e.type(rows).shape, &to = e.type(split).shape;
  if (from.rank() != 3 || to.rank() != 5 || !from[2].is_known() || from.size(2) == 0) return kNoValue;
  int64_t width = 1;
  for (int i = 2; i < 5; ++i) {
    const auto product = to[i].is_known() ? checked_multiply(width, to.size(i)) : std::nullopt;
    if (!product) return kNoValue;
    width = *product;
  }
  return width == from.size(2) && (from[0].same_as(to[0]) || from[1].same_as(to[1])) ? rows : kNoValue;
}

int unpack(Editor& e, NodeId id) {
  const Node transpose = e.node(id);
  const auto perm = permutation_of(e, transpose);
  if (!std::equal(perm.begin(), perm.end(), kPiecesFirst.begin(), kPiecesFirst.end()) || e.is_output(transpose.outputs[0]))
    return 0;
  const ValueId rows = projection_of(e, transpose.inputs[0]);
  if (rows == kNoValue) return 0;
  const Shape shape = e.type(transpose.inputs[0]).shape;
  const int64_t count = shape.size(2), heads = shape.size(3), width = shape.size(4);
  const auto pieces = pieces_of(e, transpose.outputs[0], count);
  if (pieces.empty()) return 0;

  Node split{ops::find_op("Split"), transpose.name + "/pieces", {}, {rows}, {}};
  split.attributes.set("axis", int64_t{2});
  split.attributes.set("num_outputs", count);
  for (int64_t i = 0; i < count; ++i)
    split.outputs.push_back(e.add_value(split.name, {DType::kFloat32, Shape{shape[0], shape[1], heads * width}}));
  const std::vector<ValueId> parts = split.outputs;
  e.add(std::move(split));
  const ValueId target = e.add_constant(transpose.name + "/heads", int64_tensor(std::array<int64_t, 4>{0, 0, heads, width}));
  for (const Piece& piece : pieces) {
    const Node old = e.node(piece.id);
    const ValueId part = e.add("Reshape", old.name + "/split", {parts[static_cast<size_t>(piece.index)], target}, {},
                               {DType::kFloat32, Shape{shape[0], shape[1], heads, width}});
    e.replace(piece.id,
              {ops::find_op("Transpose"), old.name, permutation(std::array<int64_t, 4>{0, 2, 1, 3}), {part}, {old.outputs[0]}});
  }
  return static_cast<int>(pieces.size());
}

}  // namespace

int unpack_heads(Editor& e) {
  int changes = 0;
  const NodeId nodes = e.size();
  for (NodeId id = 0; id < nodes; ++id)
    if (e.alive(id) && e.node(id).is("Transpose")) changes += unpack(e, id);
  return changes;
}

}  // namespace tercel::passes
