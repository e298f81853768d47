#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "graph/graph.h"
#include "onnx/proto.h"

// Names while a model is imported; private to the folder.
namespace tercel::onnx {

using graph::kNoValue;
using graph::ValueId;

// A value of an enclosing graph that a subgraph reads.
struct Capture {
  ValueId outer, inner;
};

// A graph that is being built.
struct GraphBuilder {
  graph::Graph graph;
  uint32_t index = 0;  // its place in Model::graphs
  std::unordered_set<std::string> node_names;
  std::vector<Capture> captures;
};

// The call of a model-local function whose body is being expanded.
struct FunctionCall {
  const FunctionProto* function;
  ops::Attributes attributes;  // of the call, defaults filled in
  const FunctionCall* caller;  // null at the top; a function may not be on its own chain
  int depth = 1;
};

// Where names mean something: the main graph, a subgraph, or the body of a function (which fills its caller's graph).
struct Scope {
  GraphBuilder& builder;
  Scope* outer = nullptr;  // where a subgraph looks for captures
  const FunctionCall* call = nullptr;
  std::string prefix;                             // of names made here: functions are expanded more than once
  const std::vector<NodeProto>* nodes = nullptr;  // for messages
  std::unordered_map<std::string_view, ValueId> names;
  std::unordered_map<std::string_view, ValueId> promised;  // values made by the caller for the function's outputs
  int depth = 0;                                           // of subgraphs in subgraphs

  // The value of a name, capturing it from outside where needed. An absent optional input of a function is kNoValue.
  Result<ValueId> find(std::string_view name);
  // A new value for a name; an error when the name is taken.
  Result<ValueId> declare(std::string_view name);

 private:
  Error missing(std::string_view name) const;
};

}  // namespace tercel::onnx
