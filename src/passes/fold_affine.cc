#include "passes/affine.h"
#include "passes/passes.h"

namespace tercel::passes {

Result<int> fold_affine(graph::Model& model) {
  int changes = 0;
  for (graph::Graph& graph : model.graphs) {
    Editor e(graph);
    for (NodeId id = 0; id < e.size(); ++id)
      while (e.alive(id) && TRY(fold_reader(e, id))) ++changes;
  }
  return changes;
}

}  // namespace tercel::passes
