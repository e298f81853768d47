#include <cmath>
#include <limits>

#include "ops/activation.h"
#include "passes/affine.h"
#include "passes/passes.h"
#include "passes/same_shape.h"

namespace tercel::passes {

namespace {

using ops::Activation;
using ops::ActivationKind;

constexpr size_t kResidual = 3;  // input of Conv and tercel.Dense

std::optional<Activation> clip(const Editor& e, const Node& node) {
  double bounds[2] = {-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  for (size_t i : {size_t{0}, size_t{1}}) {
    if (!has_input(node, i + 1)) continue;
    const auto bound = scalar_of(e, node.inputs[i + 1]);
    if (!bound || std::isnan(*bound)) return std::nullopt;
    bounds[i] = *bound;
  }
  if (bounds[0] > bounds[1]) return std::nullopt;
  return Activation{ActivationKind::kClip, static_cast<float>(bounds[0]), static_cast<float>(bounds[1])};
}

// The activation that a node applies to its input 0.
std::optional<Activation> activation_of(const Editor& e, const Node& node) {
  const auto& a = node.attributes;
  if (node.is("Relu")) return Activation{ActivationKind::kRelu};
  if (node.is("Sigmoid")) return Activation{ActivationKind::kSigmoid};
  if (node.is("Tanh")) return Activation{ActivationKind::kTanh};
  if (node.is("HardSwish")) return Activation{ActivationKind::kHardSwish};
  if (node.is("LeakyRelu")) return Activation{ActivationKind::kLeakyRelu, a.get_float("alpha", 0.01f)};
  if (node.is("HardSigmoid"))
    return Activation{ActivationKind::kHardSigmoid, a.get_float("alpha", 0.2f), a.get_float("beta", 0.5f)};
  if (node.is("Swish") && a.get_float("alpha", 1) == 1) return Activation{ActivationKind::kSilu};
  if (node.is("Gelu"))
    return Activation{a.get_string("approximate", "none") == "tanh" ? ActivationKind::kGeluTanh : ActivationKind::kGelu};
  if (node.is("Clip")) return clip(e, node);
  return std::nullopt;
}

bool takes_epilogue(const Editor& e, const Node& node) {
  return (node.is("Conv") || node.is("tercel.Dense")) && is_float32(e, node.outputs[0]) &&
         node.attributes.get_string("activation", "").empty() && e.single_reader(node.outputs[0]);
}

// An Add of something of exactly the output's shape. Nothing between could depend on the output: the Add is its only reader.
bool fuse_residual(Editor& e, NodeId id, NodeId reader, const SameShape& same) {
  const ValueId output = e.node(id).outputs[0];
  const Node& add = e.node(reader);
  if (!add.is("Add") || has_input(e.node(id), kResidual)) return false;
  const ValueId residual = add.inputs[add.inputs[0] == output ? 1 : 0];
  if (!same(residual, output)) return false;
  Node node = e.node(id);
  node.inputs.resize(kResidual, kNoValue);
  node.inputs.push_back(residual);
  e.absorb(id, reader, std::move(node));
  return true;
}

bool fuse_activation(Editor& e, NodeId id, NodeId reader) {
  const Node& next = e.node(reader);
  const auto activation = activation_of(e, next);
  if (!activation || next.inputs[0] != e.node(id).outputs[0]) return false;
  Node node = e.node(id);
  ops::set_activation(node.attributes, *activation);
  e.absorb(id, reader, std::move(node));
  return true;
}

Result<int> fuse(Editor& e, NodeId id, const SameShape& same) {
  int changes = 0;
  while (takes_epilogue(e, e.node(id))) {
    const NodeId reader = e.readers(e.node(id).outputs[0])[0];
    if (!TRY(fold_reader(e, id)) && !fuse_residual(e, id, reader, same) && !fuse_activation(e, id, reader)) break;
    ++changes;
  }
  return changes;
}

}  // namespace

Result<int> fuse_epilogues(graph::Model& model) {
  int changes = 0;
  for (graph::Graph& graph : model.graphs) {
    Editor e(graph);
    const SameShape same(e);
    for (NodeId id = 0; id < e.size(); ++id)
      if (e.alive(id)) changes += TRY(fuse(e, id, same));
  }
  return changes;
}

}  // namespace tercel::passes
