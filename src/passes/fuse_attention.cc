#include <array>
#include <cmath>
#include <limits>

#include "passes/heads.h"
#include "passes/passes.h"

namespace tercel::passes {

namespace {

constexpr std::array<int64_t, 4> kHeadsFirst = {0, 2, 1, 3};       // [B, S, H, D] to [B, H, S, D], and back
constexpr std::array<int64_t, 4> kHeadsTransposed = {0, 2, 3, 1};  // [B, T, H, D] to [B, H, D, T]
constexpr double kMaskedAtMost = -1e9;  // what a Where puts into masked scores: adding it masks just as well

// An additive mask on the scores, or what becomes one: Where(condition, kept, fill).
struct Mask {
  ValueId value = kNoValue;      // the mask, or the condition
  std::optional<double> fill;    // of a Where
  bool keeps_where_true = true;  // of a Where
};

struct Attention {
  Heads q, k, v;
  double scale = 1;
  Mask mask;
};

bool is_softmax_of_last_axis(const Editor& e, NodeId id) {
  const Node& node = e.node(id);
  const int64_t axis = node.attributes.get_int("axis", -1);
  return is_float32(e, node.inputs[0]) && e.type(node.inputs[0]).shape.rank() == 4 && (axis == -1 || axis == 3);
}

// Broadcasts into the scores [B, H, S, T] for sure. A last extent that is neither 1 nor T would not fit V either, whose
// length is that of K.
bool masks(const Editor& e, ValueId mask, const Shape& scores) {
  if (!e.value(mask).has_type) return false;
  Shape shape = e.type(mask).shape;
  if (shape.rank() > 0 && shape.rank() <= scores.rank()) shape[shape.rank() - 1] = Dim(1);
  return broadcasts_into(shape, scores);
}

// The MatMul of Q and K below scales; they multiply `scale`.
NodeId scores_product(const Editor& e, ValueId value, double& scale) {
  if (!e.single_reader(value)) return kNoNode;
  const Scaled scaled = peel_scale(e, value);
  const NodeId product = e.single_reader(scaled.x) ? e.producer_is(scaled.x, "MatMul") : kNoNode;
  if (product != kNoNode) scale *= scaled.factor;
  return product;
}

NodeId masked_product(const Editor& e, ValueId scores, Attention& found) {
  const NodeId add = e.producer_is(scores, "Add"), where = e.producer_is(scores, "Where");
  if ((add == kNoNode && where == kNoNode) || !e.single_reader(scores)) return scores_product(e, scores, found.scale);
  const Node& node = e.node(add != kNoNode ? add : where);
  const size_t first = add != kNoNode ? 0 : 1;
  for (const size_t side : {size_t{0}, size_t{1}}) {
    const ValueId plain = node.inputs[first + side], other = node.inputs[first + 1 - side];
    double scale = found.scale;
    const NodeId product = scores_product(e, plain, scale);
    if (product == kNoNode) continue;
    const ValueId mask = add != kNoNode ? other : node.inputs[0];
    if (!masks(e, mask, e.type(plain).shape) || (add != kNoNode && !is_float32(e, other))) continue;
    found.mask = {mask, {}, side == 0};
    if (where != kNoNode) {
      found.mask.fill = scalar_of(e, other);
      if (!found.mask.fill || *found.mask.fill > kMaskedAtMost || e.type(other).shape.rank() > 4) continue;
    }
    found.scale = scale;
    return product;
  }
  return kNoNode;
}

bool fits_together(const Attention& found) {
  const auto fits = [&](const Heads& other) { return other.count == found.q.count && other.batch.same_as(found.q.batch); };
  if (!fits(found.k) || !fits(found.v) || found.k.width != found.q.width || !std::isfinite(found.scale)) return false;
  return found.mask.value == kNoValue || found.k.length.same_as(found.v.length);  // see masks()
}

// Heads, scale and mask of softmax(scale * Q K^T + mask) V in primitive operators; `context` is the second MatMul.
std::optional<Attention> match_primitives(const Editor& e, NodeId context) {
  const ValueId weights = e.node(context).inputs[0];
  const NodeId softmax = e.producer_is(weights, "Softmax");
  if (softmax == kNoNode || !e.single_reader(weights) || !is_softmax_of_last_axis(e, softmax)) return std::nullopt;
  Attention found;
  const NodeId product = masked_product(e, e.node(softmax).inputs[0], found);
  if (product == kNoNode) return std::nullopt;
  found.q = heads_of(e, e.node(product).inputs[0], kHeadsFirst);
  found.k = heads_of(e, e.node(product).inputs[1], kHeadsTransposed);
  found.v = heads_of(e, e.node(context).inputs[1], kHeadsFirst);
  return found;
}

// What an ONNX Attention node does besides attention: caches, causality, other outputs, a mask shorter than the keys.
bool is_plain_attention(const Editor& e, const Node& node, const Shape& scores) {
  if (!only_first_output(node) || node.attributes.get_int("is_causal", 0) || node.attributes.get_float("softcap", 0) != 0)
    return false;
  for (size_t i : {size_t{4}, size_t{5}, size_t{6}})
    if (has_input(node, i)) return false;
  for (size_t i : {size_t{0}, size_t{1}, size_t{2}})
    if (!is_float32(e, node.inputs[i])) return false;
  if (!has_input(node, 3)) return true;
  const graph::Value& mask = e.value(node.inputs[3]);
  return mask.has_type && (mask.type.dtype == DType::kFloat32 || mask.type.dtype == DType::kBool) &&
         broadcasts_into(mask.type.shape, scores);
}

void take_mask(const Editor& e, const Node& node, Mask& mask) {
  mask.value = input_of(node, 3);
  if (mask.value != kNoValue && e.type(mask.value).dtype == DType::kBool) mask.fill = -std::numeric_limits<double>::infinity();
}

// The same of an ONNX Attention node on [B, H, S, D].
std::optional<Attention> match_operator(const Editor& e, NodeId id) {
  const Node& node = e.node(id);
  Attention found;
  found.q = heads_of(e, node.inputs[0], kHeadsFirst);
  found.k = heads_of(e, node.inputs[1], kHeadsFirst);
  found.v = heads_of(e, node.inputs[2], kHeadsFirst);
  if (!found.q || !found.k || !found.v) return std::nullopt;
  if (!is_plain_attention(e, node, Shape{found.q.batch, found.q.count, found.q.length, found.k.length})) return std::nullopt;
  const double otherwise = 1 / std::sqrt(static_cast<double>(found.q.width));
  found.scale = node.attributes.has("scale") ? node.attributes.get_float("scale", 1) : otherwise;
  take_mask(e, node, found.mask);
  return found;
}

// Matches from the Transpose that puts the heads back behind the sequence.
std::optional<Attention> match(const Editor& e, const Node& root) {
  const auto perm = permutation_of(e, root);
  if (!std::equal(perm.begin(), perm.end(), kHeadsFirst.begin(), kHeadsFirst.end()) || !e.single_reader(root.inputs[0]))
    return std::nullopt;
  const NodeId context = e.producer_is(root.inputs[0], "MatMul"), whole = e.producer_is(root.inputs[0], "Attention");
  if (context == kNoNode && whole == kNoNode) return std::nullopt;
  auto found = context != kNoNode ? match_primitives(e, context) : match_operator(e, whole);
  if (!found || !found->q || !found->k || !found->v || found->v.factor != 1) return std::nullopt;
  found->scale *= found->q.factor * found->k.factor;
  return fits_together(*found) ? found : std::nullopt;
}

Result<ValueId> additive_mask(Editor& e, const Mask& mask, const std::string& name) {
  if (!mask.fill) return mask.value;
  const std::array<double, 1> zero = {0}, fill = {*mask.fill};
  ValueId kept = e.add_constant(name + "/kept", TRY(float_tensor(Shape{}, zero)));
  ValueId masked = e.add_constant(name + "/masked", TRY(float_tensor(Shape{}, fill)));
  if (!mask.keeps_where_true) std::swap(kept, masked);
  return e.add("Where", name + "/mask", {mask.value, kept, masked}, {}, {DType::kFloat32, e.type(mask.value).shape});
}

// The Reshape that joins the heads again, when that is all it does. (A Shape beside it may read the split form.)
NodeId joining_reshape(const Editor& e, ValueId split) {
  for (NodeId reader : e.readers(split)) {
    const Node& node = e.node(reader);
    if (node.is("Reshape") && e.value(node.outputs[0]).has_type &&
        splits_heads(e.type(node.outputs[0]).shape, e.type(split).shape))
      return reader;
  }
  return kNoNode;
}

Result<bool> rewrite(Editor& e, NodeId id) {
  const Node root = e.node(id);
  const auto found = match(e, root);
  if (!found) return false;
  const std::string name = root.name + "/attention";
  Node node{ops::find_op("tercel.Attention"), name, {}, {}, {}};
  for (const auto& [heads, suffix] : {std::pair{&found->q, "/q"}, std::pair{&found->k, "/k"}, std::pair{&found->v, "/v"}})
    node.inputs.push_back(joined_heads(e, *heads, name + suffix));
  if (found->mask.value != kNoValue) node.inputs.push_back(TRY(additive_mask(e, found->mask, name)));
  node.attributes.set("num_heads", found->q.count);
  node.attributes.set("scale", static_cast<float>(found->scale));

  const ValueId split = root.outputs[0];
  const NodeId reshape = joining_reshape(e, split);
  ValueId rows = kNoValue;
  if (reshape != kNoNode) {
    rows = e.node(reshape).outputs[0];
    node.outputs = {rows};
    e.replace(reshape, std::move(node));
  } else {
    rows = e.add_value(name, {DType::kFloat32, Shape{found->q.batch, found->q.length, found->v.count * found->v.width}});
    node.outputs = {rows};
    e.add(std::move(node));
  }
  if (!e.alive(id)) return true;
  const std::array<int64_t, 4> target = {0, 0, found->v.count, found->v.width};
  const ValueId shape = e.add_constant(name + "/heads", int64_tensor(target));
  e.replace(id, {ops::find_op("Reshape"), root.name, {}, {rows, shape}, {split}});
  return true;
}

// An ONNX Attention node on [B, S, H * D] is tercel.Attention under another name.
Result<bool> lower_packed(Editor& e, NodeId id) {
  const Node node = e.node(id);
  const graph::Value &q = e.value(node.inputs[0]), &k = e.value(node.inputs[1]);
  const int64_t heads = node.attributes.get_int("q_num_heads", 0);
  if (!q.has_type || !k.has_type || q.type.shape.rank() != 3 || heads < 1 || node.attributes.get_int("kv_num_heads", 0) != heads)
    return false;
  const Shape &rows = q.type.shape, &keys = k.type.shape;
  if (!rows[2].is_known() || rows.size(2) < heads || !is_plain_attention(e, node, Shape{rows[0], heads, rows[1], keys[1]}))
    return false;
  const double otherwise = 1 / std::sqrt(static_cast<double>(rows.size(2) / heads));
  Mask mask;
  take_mask(e, node, mask);
  Node lowered{
      ops::find_op("tercel.Attention"), node.name, {}, {node.inputs.begin(), node.inputs.begin() + 3}, {node.outputs[0]}};
  if (mask.value != kNoValue) lowered.inputs.push_back(TRY(additive_mask(e, mask, node.name)));
  lowered.attributes.set("num_heads", heads);
  lowered.attributes.set("scale",
                         node.attributes.has("scale") ? node.attributes.get_float("scale", 1) : static_cast<float>(otherwise));
  e.replace(id, std::move(lowered));
  return true;
}

}  // namespace

Result<int> fuse_attention(graph::Model& model) {
  int changes = 0;
  for (graph::Graph& graph : model.graphs) {
    Editor e(graph);
    changes += unpack_heads(e);
    for (NodeId id = 0; id < e.size(); ++id) {
      if (!e.alive(id)) continue;
      if (e.node(id).is("Transpose")) changes += TRY(rewrite(e, id));
      else if (e.node(id).is("Attention")) changes += TRY(lower_packed(e, id));
    }
  }
  return changes;
}

}  // namespace tercel::passes
