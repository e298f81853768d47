#include <algorithm>
#include <cmath>

#include "passes/match.h"
#include "passes/passes.h"

namespace tercel::passes {

namespace {

bool keeps_type(const Editor& e, const Node& node) { return same_type(e.value(node.inputs[0]), e.value(node.outputs[0])); }

bool ints_are(const Editor& e, const Node& node, size_t input, int64_t wanted) {
  const auto ints = ints_of(e, input_of(node, input));
  return ints && std::all_of(ints->begin(), ints->end(), [&](int64_t v) { return v == wanted; });
}

bool always(const Editor&, const Node&) { return true; }

// Dropout while inferring: the mask must be unread, and training must be off for sure.
bool is_inference(const Editor& e, const Node& node) {
  return only_first_output(node) && (!has_input(node, 2) || scalar_of(e, node.inputs[2]) == 0.0);
}

bool keeps_order(const Editor& e, const Node& node) {
  const auto perm = permutation_of(e, node);
  return e.value(node.inputs[0]).has_type && perm.size() == static_cast<size_t>(e.type(node.inputs[0]).shape.rank()) &&
         is_identity(perm);
}

bool pads_nothing(const Editor& e, const Node& node) { return ints_are(e, node, 1, 0); }
bool repeats_once(const Editor& e, const Node& node) { return ints_are(e, node, 1, 1); }

// With steps of 1, a slice of the same extents is the whole.
bool slices_all(const Editor& e, const Node& node) {
  return keeps_type(e, node) && (!has_input(node, 4) || ints_are(e, node, 4, 1));
}

bool is_single(const Editor&, const Node& node) { return node.inputs.size() == 1; }
bool splits_once(const Editor& e, const Node& node) { return node.outputs.size() == 1 && keeps_type(e, node); }
bool has_no_bounds(const Editor&, const Node& node) { return !has_input(node, 1) && !has_input(node, 2); }

struct Rule {
  std::string_view op;
  bool (*holds)(const Editor&, const Node&);
};

// The output equals input 0 when `holds`.
constexpr Rule kRules[] = {
    {"Identity", always},    {"Dropout", is_inference}, {"Cast", keeps_type},       {"CastLike", keeps_type},
    {"Reshape", keeps_type}, {"Flatten", keeps_type},   {"Squeeze", keeps_type},    {"Unsqueeze", keeps_type},
    {"Expand", keeps_type},  {"Tile", repeats_once},    {"Transpose", keeps_order}, {"Pad", pads_nothing},
    {"Slice", slices_all},   {"Concat", is_single},     {"Split", splits_once},     {"Clip", has_no_bounds},
    {"Sum", is_single},      {"Mean", is_single},       {"Max", is_single},         {"Min", is_single},
};

bool all_equal(const Tensor& tensor, double wanted) {
  for (int64_t i = 0; i < tensor.elements(); ++i)
    if (element_as_double(tensor.dtype(), tensor.data(), i) != wanted) return false;
  return tensor.elements() > 0;
}

// x + 0, x - 0, x * 1, x / 1, x ^ 1: the input that passes, when broadcasting leaves its shape alone. That -0 + 0 is +0 is
// the one difference, and only a division by the result could show it.
std::optional<size_t> neutral_passes(const Editor& e, const Node& node) {
  struct Neutral {
    std::string_view op;
    double constant;
    bool commutes;
  };
  constexpr Neutral kNeutrals[] = {{"Add", 0, true}, {"Sub", 0, false}, {"Mul", 1, true}, {"Div", 1, false}, {"Pow", 1, false}};
  for (const Neutral& neutral : kNeutrals) {
    if (!node.is(neutral.op) || node.inputs.size() != 2) continue;
    for (size_t pass : {size_t{0}, size_t{1}}) {
      if (pass == 1 && !neutral.commutes) break;
      const Tensor* constant = e.graph().constant(node.inputs[1 - pass]);
      if (constant && all_equal(*constant, neutral.constant) && keeps_shape_of(e, node, node.inputs[pass])) return pass;
    }
  }
  return std::nullopt;
}

std::optional<size_t> passing_input(const Editor& e, const Node& node) {
  if (node.inputs.empty() || !only_first_output(node)) return std::nullopt;
  for (const Rule& rule : kRules)
    if (node.is(rule.op)) return rule.holds(e, node) ? std::optional<size_t>(0) : std::nullopt;
  return neutral_passes(e, node);
}

// Only the name of a graph output is left to do: the cheapest operator does it.
bool make_identity(Editor& e, NodeId id, size_t input) {
  if (e.node(id).is("Identity")) return false;
  Node node = e.node(id);
  node.op = ops::find_op("Identity");
  node.inputs = {node.inputs[input]};
  node.attributes = {};
  e.replace(id, std::move(node));
  return true;
}

// Transpose of a Transpose is one Transpose.
bool join_transposes(Editor& e, NodeId id) {
  const Node& outer = e.node(id);
  const NodeId before = e.producer_is(outer.inputs[0], "Transpose");
  if (before == kNoNode) return false;
  const auto first = permutation_of(e, e.node(before)), second = permutation_of(e, outer);
  if (first.empty() || first.size() != second.size()) return false;
  std::vector<int64_t> joined;
  for (int64_t axis : second) joined.push_back(first[static_cast<size_t>(axis)]);
  Node node = outer;
  node.inputs = {e.node(before).inputs[0]};
  node.attributes = permutation(joined);
  e.replace(id, std::move(node));
  return true;
}

// Only the last target shape counts, unless it copies extents (0) from its input.
bool skip_reshape(Editor& e, NodeId id) {
  const Node& node = e.node(id);
  const NodeId before = e.producer(node.inputs[0]);
  if (before == kNoNode) return false;
  const auto reshapes = {"Reshape", "Flatten", "Squeeze", "Unsqueeze"};
  if (std::none_of(reshapes.begin(), reshapes.end(), [&](auto op) { return e.node(before).is(op); })) return false;
  const auto target = ints_of(e, node.inputs[1]);
  if (!target || std::count(target->begin(), target->end(), 0)) return false;
  Node direct = node;
  direct.inputs[0] = e.node(before).inputs[0];
  e.replace(id, std::move(direct));
  return true;
}

int simplify(Editor& e, NodeId id) {
  int changes = 0;
  if (e.node(id).is("Transpose"))
    while (join_transposes(e, id)) ++changes;
  if (e.node(id).is("Reshape"))
    while (skip_reshape(e, id)) ++changes;
  if (const auto input = passing_input(e, e.node(id))) changes += e.bypass(id, *input) || make_identity(e, id, *input);
  return changes;
}

}  // namespace

Result<int> remove_identities(graph::Model& model) {
  int changes = 0;
  for (graph::Graph& graph : model.graphs) {
    Editor e(graph);
    for (NodeId id = 0; id < e.size(); ++id)
      if (e.alive(id)) changes += simplify(e, id);
  }
  return changes;
}

}  // namespace tercel::passes
