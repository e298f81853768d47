#include "graph/graph.h"

#include <algorithm>

namespace tercel::graph {

ValueId Graph::add_value(std::string name, std::optional<TensorType> type) {
  Value value;
  value.name = std::move(name);
  value.has_type = type.has_value();
  if (type) value.type = *type;
  values.push_back(std::move(value));
  return static_cast<ValueId>(values.size() - 1);
}

ValueId Graph::add_constant(std::string name, Tensor tensor) {
  const ValueId id = add_value(std::move(name), tensor.type());
  values[id].constant = std::move(tensor);
  return id;
}

Dim Model::symbol(std::string_view name) {
  const auto found = std::find(symbols.begin(), symbols.end(), name);
  if (found != symbols.end()) return Dim::symbol(static_cast<int>(found - symbols.begin()));
  symbols.emplace_back(name);
  return Dim::symbol(static_cast<int>(symbols.size() - 1));
}

}  // namespace tercel::graph
