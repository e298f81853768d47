#include "onnx/scope.h"

#include <algorithm>

#include "graph/text.h"

namespace tercel::onnx {

namespace {

std::string quoted(std::string_view name) { return "'" + graph::printable(name) + "'"; }

}  // namespace

Error Scope::missing(std::string_view name) const {
  for (const Scope* scope = this; scope; scope = scope->outer) {
    if (!scope->nodes) continue;
    for (const NodeProto& node : *scope->nodes)
      if (std::find(node.outputs.begin(), node.outputs.end(), name) != node.outputs.end())
        return invalid("value " + quoted(name) + " is read before node " + quoted(node.name) + " (" +
                       graph::printable(node.op_type) + ") makes it: the graph has a cycle or its nodes are not in order");
  }
  return invalid("value " + quoted(name) + " is made by no node and is no input or initializer of the graph");
}

Result<ValueId> Scope::find(std::string_view name) {
  if (const auto found = names.find(name); found != names.end()) return found->second;
  if (!outer) return missing(name);
  const auto result = outer->find(name);
  if (!result) return missing(name);
  const ValueId source = *result;
  if (source == kNoValue) return source;
  const graph::Value& value = outer->builder.graph.value(source);
  graph::Graph& own = builder.graph;
  ValueId id;
  if (value.constant) {  // shares the bytes; a constant that is local needs no capture
    id = own.add_constant(value.name, *value.constant);
  } else {
    id = own.add_value(value.name, value.has_type ? std::optional(value.type) : std::nullopt);
    builder.captures.push_back({source, id});
  }
  names.emplace(name, id);
  return id;
}

Result<ValueId> Scope::declare(std::string_view name) {
  if (name.empty()) return invalid("a value has no name");
  if (names.contains(name)) return invalid("value " + quoted(name) + " is defined twice");
  const auto promise = promised.find(name);
  const ValueId id = promise != promised.end() ? promise->second : builder.graph.add_value(prefix + std::string(name));
  names.emplace(name, id);
  return id;
}

}  // namespace tercel::onnx
