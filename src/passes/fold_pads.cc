#include "passes/match.h"
#include "passes/passes.h"

namespace tercel::passes {

namespace {

// The padding of a constant Pad by axis, begins and then ends; nullopt when it is not zeros, crops, or is not known.
std::optional<std::vector<int64_t>> zero_padding(const Editor& e, const Node& pad) {
  if (pad.attributes.get_string("mode", "constant") != "constant" || !is_float32(e, pad.inputs[0])) return std::nullopt;
  if (has_input(pad, 2) && scalar_of(e, pad.inputs[2]) != 0.0) return std::nullopt;
  const auto pads = ints_of(e, pad.inputs[1]);
  const int rank = e.type(pad.inputs[0]).shape.rank();
  std::vector<int64_t> axes;
  if (has_input(pad, 3)) {
    const auto given = ints_of(e, pad.inputs[3]);
    if (!given) return std::nullopt;
    axes = *given;
  } else {
    for (int i = 0; i < rank; ++i) axes.push_back(i);
  }
  if (!pads || pads->size() != 2 * axes.size()) return std::nullopt;
  std::vector<int64_t> by_axis(static_cast<size_t>(2 * rank), 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto axis = normalize_axis(axes[i], rank);
    if (!axis || (*pads)[i] < 0 || (*pads)[i + axes.size()] < 0) return std::nullopt;
    by_axis[static_cast<size_t>(*axis)] = (*pads)[i];
    by_axis[static_cast<size_t>(*axis + rank)] = (*pads)[i + axes.size()];
  }
  return by_axis;
}

// The pads of a Conv as 2 * spatial numbers; nullopt when they depend on its input's extents.
std::optional<std::vector<int64_t>> conv_pads(const Node& conv, size_t spatial) {
  const std::string_view automatic = conv.attributes.get_string("auto_pad", "NOTSET");
  const auto pads = conv.attributes.get_ints("pads");
  if (automatic == "VALID" || (automatic == "NOTSET" && pads.empty())) return std::vector<int64_t>(2 * spatial, 0);
  if (automatic != "NOTSET" || pads.size() != 2 * spatial) return std::nullopt;
  return std::vector<int64_t>(pads.begin(), pads.end());
}

// The input of a Conv as Pad(x), or as Transpose(Pad(x)) where the model keeps its channels last.
struct Padded {
  NodeId pad = kNoNode, transpose = kNoNode;
  std::vector<int64_t> padding;  // by axis of the Conv's input
};

std::optional<Padded> padded_input(const Editor& e, const Node& conv) {
  Padded found{e.producer_is(conv.inputs[0], "Pad"), e.producer_is(conv.inputs[0], "Transpose"), {}};
  if (found.transpose != kNoNode) found.pad = e.producer_is(e.node(found.transpose).inputs[0], "Pad");
  const auto padding = found.pad == kNoNode ? std::nullopt : zero_padding(e, e.node(found.pad));
  if (!padding) return std::nullopt;
  found.padding = *padding;
  if (found.transpose == kNoNode) return found;
  const auto perm = permutation_of(e, e.node(found.transpose));
  const size_t rank = perm.size();
  if (padding->size() != 2 * rank) return std::nullopt;
  for (size_t i = 0; i < 2 * rank; ++i) found.padding[i] = (*padding)[i / rank * rank + static_cast<size_t>(perm[i % rank])];
  return found;
}

ValueId without_pad(Editor& e, const Padded& padded) {
  const ValueId x = e.node(padded.pad).inputs[0];
  if (padded.transpose == kNoNode) return x;
  const Node& old = e.node(padded.transpose);
  Shape shape;
  for (int64_t axis : permutation_of(e, old)) shape.push_back(e.type(x).shape[static_cast<int>(axis)]);
  return e.add("Transpose", old.name, {x}, old.attributes, {DType::kFloat32, shape});
}

bool fold(Editor& e, NodeId id) {
  const Node& conv = e.node(id);
  const auto padded = padded_input(e, conv);
  if (!padded || padded->padding.size() < 6) return false;
  const size_t rank = padded->padding.size() / 2, spatial = rank - 2;
  const size_t first = conv.attributes.get_int("channels_last", 0) ? 1 : 2, channel = first == 1 ? rank - 1 : 1;
  auto pads = conv_pads(conv, spatial);
  if (!pads) return false;
  for (size_t end : {size_t{0}, rank})
    if (padded->padding[end] != 0 || padded->padding[end + channel] != 0) return false;
  for (size_t i = 0; i < spatial; ++i) {
    (*pads)[i] += padded->padding[first + i];
    (*pads)[i + spatial] += padded->padding[rank + first + i];
  }
  Node node = conv;
  node.inputs[0] = without_pad(e, *padded);
  node.attributes.erase("auto_pad");
  node.attributes.set("pads", std::move(*pads));
  e.replace(id, std::move(node));
  return true;
}

}  // namespace

Result<int> fold_pads(graph::Model& model) {
  int changes = 0;
  for (graph::Graph& graph : model.graphs) {
    Editor e(graph);
    for (NodeId id = 0; id < e.size(); ++id)
      while (e.alive(id) && e.node(id).is("Conv") && fold(e, id)) ++changes;
  }
  return changes;
}

}  // namespace tercel::passes
