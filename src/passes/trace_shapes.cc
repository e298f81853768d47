// Exporters take extents from whatever activation is at hand: Shape(q), Gather, Concat, Reshape. Read from the graph inputs
// instead, the same arithmetic no longer depends on the activations, which are then free to be fused away.
#include <map>

#include "passes/match.h"
#include "passes/passes.h"

namespace tercel::passes {

namespace {

class ShapeTracer {
 public:
  explicit ShapeTracer(graph::Graph& graph) : e_(graph) {
    for (ValueId input : graph.inputs) {
      const graph::Value& value = graph.value(input);
      for (int axis = 0; value.has_type && axis < value.type.shape.rank(); ++axis) {
        const Dim d = value.type.shape[axis];
        if (d.is_symbol()) sources_.emplace(d.symbol_id(), Source{input, axis});
      }
    }
  }

  int run() {
    int changes = 0;
    const NodeId nodes = e_.size();
    for (NodeId id = 0; id < nodes; ++id) changes += e_.alive(id) && trace(id);
    return changes;
  }

 private:
  struct Source {
    ValueId input;
    int axis;
    ValueId extent = kNoValue;  // int64 [1], once it is needed
  };

  bool trace(NodeId id) {
    const Node node = e_.node(id);
    if (!node.is("Shape") || e_.producer(node.inputs[0]) == kNoNode) return false;
    const auto dims = e_.value(node.outputs[0]).dims;
    if (!dims || dims->empty()) return false;
    for (Dim d : *dims)
      if (!d.is_known() && !(d.is_symbol() && sources_.contains(d.symbol_id()))) return false;
    Node concat{ops::find_op("Concat"), node.name, {}, pieces(*dims, node.name), node.outputs};
    concat.attributes.set("axis", int64_t{0});
    e_.replace(id, std::move(concat));
    return true;
  }

  std::vector<ValueId> pieces(const std::vector<Dim>& dims, const std::string& name) {
    std::vector<ValueId> pieces;
    std::vector<int64_t> known;
    const auto flush = [&] {
      if (!known.empty()) pieces.push_back(e_.add_constant(name + "/known", int64_tensor(known)));
      known.clear();
    };
    for (Dim d : dims) {
      if (d.is_known()) {
        known.push_back(d.size());
        continue;
      }
      flush();
      pieces.push_back(extent(sources_.at(d.symbol_id()), name));
    }
    flush();
    return pieces;
  }

  ValueId extent(Source& source, const std::string& name) {
    if (source.extent != kNoValue) return source.extent;
    ops::Attributes attributes;
    attributes.set("start", int64_t{source.axis});
    attributes.set("end", int64_t{source.axis + 1});
    source.extent = e_.add("Shape", name + "/extent", {source.input}, std::move(attributes), {DType::kInt64, Shape{1}});
    return source.extent;
  }

  Editor e_;
  std::map<int, Source> sources_;  // by symbol
};

}  // namespace

Result<int> trace_shapes(graph::Model& model) {
  int changes = 0;
  for (graph::Graph& graph : model.graphs) changes += ShapeTracer(graph).run();
  return changes;
}

}  // namespace tercel::passes
