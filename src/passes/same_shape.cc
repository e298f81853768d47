#include "passes/same_shape.h"

#include <algorithm>
#include <numeric>

namespace tercel::passes {

SameShape::SameShape(const Editor& e) : e_(e), origin_(e.graph().values.size()) {
  std::iota(origin_.begin(), origin_.end(), 0);
  for (NodeId id = 0; id < e.size(); ++id) {
    const Node& node = e.node(id);
    if (!e.alive(id) || !node.op->elementwise) continue;
    const auto passes_on = [&](ValueId x) {
      return x != kNoValue && std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId other) {
               return other == kNoValue || origin(other) == origin(x) ||
                      (e.value(other).has_type && e.value(x).has_type && broadcasts_into(e.type(other).shape, e.type(x).shape));
             });
    };
    const auto source = std::find_if(node.inputs.begin(), node.inputs.end(), passes_on);
    if (source == node.inputs.end()) continue;
    for (ValueId output : node.outputs)
      if (output != kNoValue) origin_[output] = origin(*source);
  }
}

bool SameShape::operator()(ValueId a, ValueId b) const {
  if (origin(a) == origin(b)) return true;
  return e_.value(a).has_type && e_.value(b).has_type && same_shape(e_.type(a).shape, e_.type(b).shape);
}

}  // namespace tercel::passes
