#include "graph/graph.h"

namespace tercel::graph {

Uses::Uses(const Graph& graph)
    : producer(graph.values.size(), kNone), readers(graph.values.size()), is_output(graph.values.size(), false) {
  for (uint32_t n = 0; n < graph.nodes.size(); ++n) {
    for (ValueId id : graph.nodes[n].inputs)
      if (id != kNoValue) readers[id].push_back(n);
    for (ValueId id : graph.nodes[n].outputs)
      if (id != kNoValue) producer[id] = n;
  }
  for (ValueId id : graph.outputs) is_output[id] = true;
}

}  // namespace tercel::graph
