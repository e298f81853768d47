#pragma once

#include <string>
#include <string_view>

#include "graph/graph.h"

namespace tercel::graph {

// A name from a file as it may be printed: control characters replaced, cut to a line. Names are any bytes, so nothing
// from a model reaches a terminal or a log without this.
std::string printable(std::string_view name);

// "node 'conv1' (Conv)", for messages.
std::string describe(const Node& node);

// "float32 batchx3x224x224"; "?" where inference could not tell.
std::string describe(const Model& model, const Value& value);

}  // namespace tercel::graph
