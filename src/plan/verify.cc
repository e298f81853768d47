#include <string>

#include "plan/codec.h"

namespace tercel::plan {

namespace {

std::string where(const ProgramGraph& graph, const ProgramNode& node) {
  return "node '" + node.name + "' (" + std::string(node.op->name) + ") of graph '" + graph.name + "'";
}

Result<void> check_arity(const ProgramNode& node) {
  const auto within = [](size_t n, int low, int high) {
    return n >= static_cast<size_t>(low) && (high < 0 || n <= static_cast<size_t>(high));
  };
  if (!within(node.inputs.size(), node.op->inputs_min, node.op->inputs_max))
    return invalid("it has " + std::to_string(node.inputs.size()) + " inputs");
  if (!within(node.outputs.size(), node.op->outputs_min, node.op->outputs_max))
    return invalid("it has " + std::to_string(node.outputs.size()) + " outputs");
  return {};
}

// `made` marks the values that exist before the node runs; adds the node's outputs.
Result<void> check_node(const ProgramNode& node, std::vector<bool>& made) {
  TRY(check_arity(node));
  for (ValueId input : node.inputs) {
    if (input == kNoValue) continue;
    if (input >= made.size()) return invalid("its input value " + std::to_string(input) + " does not exist");
    if (!made[input]) return invalid("its input value " + std::to_string(input) + " is read before it is made");
  }
  for (ValueId output : node.outputs) {
    if (output == kNoValue) continue;
    if (output >= made.size()) return invalid("its output value " + std::to_string(output) + " does not exist");
    if (made[output]) return invalid("its output value " + std::to_string(output) + " is made twice");
    made[output] = true;
  }
  return {};
}

Result<void> check_graph(const ProgramGraph& graph) {
  std::vector<bool> made(graph.values.size());
  for (size_t i = 0; i < graph.values.size(); ++i) made[i] = graph.values[i].is_constant;
  for (ValueId input : graph.inputs) {
    if (input >= made.size()) return invalid("graph '" + graph.name + "' has an input that does not exist");
    if (made[input]) return invalid("graph '" + graph.name + "' lists an input twice, or a constant as an input");
    made[input] = true;
  }
  for (const ProgramNode& node : graph.nodes)
    if (const auto checked = check_node(node, made); !checked.ok()) return checked.error().within(where(graph, node));
  for (ValueId output : graph.outputs)
    if (output >= made.size() || !made[output]) return invalid("graph '" + graph.name + "' has an output that nothing makes");
  return {};
}

// Graphs that call themselves, or nest deeper than the limit, must not reach the engine: it recurses.
class NestingCheck {
 public:
  explicit NestingCheck(const Program& program) : program_(program), depth_(program.graphs.size(), kUnvisited) {}

  // Levels of graphs below and including `index`.
  Result<int> depth_of(uint32_t index) {
    if (index >= program_.graphs.size()) return invalid("graph " + std::to_string(index) + " does not exist");
    if (depth_[index] == kVisiting) return invalid("graph '" + program_.graphs[index].name + "' contains itself");
    if (depth_[index] != kUnvisited) return depth_[index];
    if (++level_ > kGraphNestingMax) return too_large("graphs nest deeper than " + std::to_string(kGraphNestingMax));
    depth_[index] = kVisiting;
    int deepest = 0;
    for (const ProgramNode& node : program_.graphs[index].nodes)
      for (const auto& entry : node.attributes.entries())
        if (const auto* reference = std::get_if<ops::GraphRef>(&entry.value))
          deepest = std::max(deepest, TRY(depth_of(reference->index)));
    --level_;
    if (deepest + 1 > kGraphNestingMax) return too_large("graphs nest deeper than " + std::to_string(kGraphNestingMax));
    return depth_[index] = deepest + 1;
  }

 private:
  static constexpr int kUnvisited = 0, kVisiting = -1;
  const Program& program_;
  std::vector<int> depth_;
  int level_ = 0;
};

Result<void> check_profile(const Program& program) {
  if (program.profile.empty()) return {};
  if (program.profile.size() != program.main().inputs.size())
    return invalid("the profile has " + std::to_string(program.profile.size()) + " inputs, the main graph " +
                   std::to_string(program.main().inputs.size()));
  for (const InputRange& range : program.profile) {
    if (range.low.size() != range.high.size() || range.low.size() > kRankMax ||
        (!range.axis_names.empty() && range.axis_names.size() != range.low.size()))
      return invalid("the profile of input '" + range.name + "' disagrees with itself about the rank");
    for (size_t axis = 0; axis < range.low.size(); ++axis)
      if (range.low[axis] < 0 || range.low[axis] > range.high[axis] || range.high[axis] > kDimMax)
        return invalid("the profile of input '" + range.name + "' has no extent for axis " + std::to_string(axis));
  }
  return {};
}

}  // namespace

Result<void> verify(const Program& program) {
  if (program.graphs.empty()) return invalid("it holds no graph");
  for (const ProgramGraph& graph : program.graphs) TRY(check_graph(graph));
  NestingCheck nesting(program);
  TRY(nesting.depth_of(0));
  for (uint32_t i = 1; i < program.graphs.size(); ++i) TRY(nesting.depth_of(i));
  return check_profile(program);
}

}  // namespace tercel::plan
