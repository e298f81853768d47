#include "passes/passes.h"

namespace tercel::passes {

Result<int> remove_dead(graph::Model& model) {
  const auto count = [&] {
    size_t nodes = 0;
    for (const graph::Graph& graph : model.graphs) nodes += graph.nodes.size();
    return nodes;
  };
  const size_t before = count();
  graph::remove_unused(model);
  return static_cast<int>(before - count());
}

}  // namespace tercel::passes
