#include "planner/lower.h"

namespace tercel::planner {

namespace {

plan::ProgramGraph lower_graph(const graph::Graph& graph) {
  plan::ProgramGraph out;
  out.name = graph.name;
  out.inputs = graph.inputs;
  out.outputs = graph.outputs;
  for (const graph::Value& value : graph.values) {
    plan::ProgramValue lowered{value.name, value.type, value.constant.has_value(), {}};
    if (value.constant) {
      lowered.constant = *value.constant;
      lowered.type = value.constant->type();
    }
    out.values.push_back(std::move(lowered));
  }
  for (const graph::Node& node : graph.nodes)
    out.nodes.push_back({node.op, node.name, node.attributes, node.inputs, node.outputs});
  return out;
}

}  // namespace

plan::Program lower(const graph::Model& model, const Profile& profile) {
  plan::Program program;
  program.model_name = model.name;
  program.producer = model.producer;
  program.symbols = model.symbols;
  program.profile = profile.inputs;
  for (const graph::Graph& graph : model.graphs) program.graphs.push_back(lower_graph(graph));
  return program;
}

}  // namespace tercel::planner
