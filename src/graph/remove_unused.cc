#include <algorithm>

#include "graph/graph.h"

namespace tercel::graph {

namespace {

// Keeps the nodes that an output depends on; an output that nobody reads becomes kNoValue. Values stay.
void drop_nodes(Graph& graph) {
  std::vector<bool> needed(graph.values.size(), false);
  for (ValueId id : graph.outputs) needed[id] = true;
  std::vector<bool> keep(graph.nodes.size(), false);
  for (size_t n = graph.nodes.size(); n-- > 0;) {
    Node& node = graph.nodes[n];
    for (ValueId& id : node.outputs)
      if (id != kNoValue && !needed[id]) id = kNoValue;
    keep[n] = std::any_of(node.outputs.begin(), node.outputs.end(), [](ValueId id) { return id != kNoValue; });
    if (!keep[n]) continue;
    for (ValueId id : node.inputs)
      if (id != kNoValue) needed[id] = true;
  }
  size_t kept = 0;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!keep[n]) continue;
    if (kept != n) graph.nodes[kept] = std::move(graph.nodes[n]);
    ++kept;
  }
  graph.nodes.resize(kept);
}

template <typename F>
void for_each_id(Graph& graph, F&& f) {
  const auto all = [&](std::vector<ValueId>& ids) {
    for (ValueId& id : ids)
      if (id != kNoValue) f(id);
  };
  all(graph.inputs);
  all(graph.outputs);
  for (Node& node : graph.nodes) {
    all(node.inputs);
    all(node.outputs);
  }
}

void drop_values(Graph& graph) {
  std::vector<ValueId> renumbered(graph.values.size(), kNoValue);
  for_each_id(graph, [&](ValueId id) { renumbered[id] = 0; });
  ValueId next = 0;
  for (size_t old = 0; old < renumbered.size(); ++old) {
    if (renumbered[old] == kNoValue) continue;
    if (old != next) graph.values[next] = std::move(graph.values[old]);
    renumbered[old] = next++;
  }
  graph.values.resize(next);
  for_each_id(graph, [&](ValueId& id) { id = renumbered[id]; });
}

// The graphs that remaining nodes refer to, each after its parent; all others go and the references are renumbered.
void drop_graphs(Model& model) {
  constexpr uint32_t kUnseen = UINT32_MAX;
  std::vector<uint32_t> renumbered(model.graphs.size(), kUnseen);
  std::vector<uint32_t> order = {0};
  renumbered[0] = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    for (Node& node : model.graphs[order[i]].nodes) {
      std::vector<std::pair<std::string, uint32_t>> references;
      for (const auto& [name, value] : node.attributes.entries())
        if (const auto* reference = std::get_if<ops::GraphRef>(&value)) references.emplace_back(name, reference->index);
      for (const auto& [name, index] : references) {
        if (renumbered[index] == kUnseen) {
          renumbered[index] = static_cast<uint32_t>(order.size());
          order.push_back(index);
        }
        node.attributes.set(name, ops::GraphRef{renumbered[index]});
      }
    }
  }
  std::vector<Graph> kept;
  for (uint32_t index : order) kept.push_back(std::move(model.graphs[index]));
  model.graphs = std::move(kept);
}

}  // namespace

void remove_unused(Model& model) {
  for (Graph& graph : model.graphs) drop_nodes(graph);
  drop_graphs(model);
  for (Graph& graph : model.graphs) drop_values(graph);
}

}  // namespace tercel::graph
