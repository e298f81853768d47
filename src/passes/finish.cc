#include "passes/editor.h"
#include "passes/passes.h"

namespace tercel::passes {

// An Editor sorts when it ends; a change is only counted where an unused node or value went, so that a second run is silent.
Result<int> finish(graph::Model& model) {
  const auto count = [&] {
    size_t things = 0;
    for (const graph::Graph& graph : model.graphs) things += graph.nodes.size() + graph.values.size();
    return things;
  };
  const size_t before = count();
  graph::remove_unused(model);
  for (graph::Graph& graph : model.graphs) Editor(graph).finish();
  return static_cast<int>(before - count());
}

}  // namespace tercel::passes
