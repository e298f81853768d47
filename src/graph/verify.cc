#include <unordered_set>

#include "graph/graph.h"
#include "graph/text.h"
#include "ops/control.h"

namespace tercel::graph {

namespace {

Error broken(std::string what) { return Error(ErrorCode::kInternal, std::move(what)); }

// Checks one graph; `available` grows by what each node makes, so an unordered or twice-made value shows.
class GraphVerifier {
 public:
  GraphVerifier(const Model& model, const Graph& graph) : model_(model), graph_(graph), available_(graph.values.size(), false) {}

  Result<void> run(bool is_main) {
    TRY(values());
    TRY(inputs(is_main));
    for (const Node& node : graph_.nodes) {
      if (!node.op) return broken("node '" + printable(node.name) + "' has no operator");
      if (const auto result = check_node(node); !result) return result.error().within(describe(node));
    }
    for (ValueId id : graph_.outputs)
      if (!in_range(id) || !available_[id]) return broken("graph output " + name_of(id) + " is not produced by anything");
    return {};
  }

 private:
  bool in_range(ValueId id) const { return id < graph_.values.size(); }
  std::string name_of(ValueId id) const {
    return in_range(id) ? "'" + printable(graph_.value(id).name) + "'" : "number " + std::to_string(id);
  }

  Result<void> values() {
    for (ValueId id = 0; id < graph_.values.size(); ++id) {
      const Value& value = graph_.value(id);
      if (!value.constant) continue;
      if (!value.has_type || !(value.type == value.constant->type()))
        return broken("constant " + name_of(id) + " has another type than its contents");
      available_[id] = true;
    }
    return {};
  }

  Result<void> inputs(bool is_main) {
    for (ValueId id : graph_.inputs) {
      if (!in_range(id)) return broken("graph input " + name_of(id) + " does not exist");
      if (available_[id]) return broken("graph input " + name_of(id) + " is listed twice or is a constant");
      if (is_main && !graph_.value(id).has_type) return broken("graph input " + name_of(id) + " has no type");
      available_[id] = true;
    }
    return {};
  }

  static bool count_fits(size_t count, int min, int max) {
    return count >= static_cast<size_t>(min) && (max < 0 || count <= static_cast<size_t>(max));
  }

  Result<void> check_node(const Node& node) {
    if (!names_.insert(node.name).second) return broken("the name is taken by another node");
    const ops::OpDef& op = *node.op;
    if (!count_fits(node.inputs.size(), op.inputs_min, op.inputs_max))
      return broken("has " + std::to_string(node.inputs.size()) + " inputs, which the operator does not take");
    if (!count_fits(node.outputs.size(), op.outputs_min, op.outputs_max))
      return broken("has " + std::to_string(node.outputs.size()) + " outputs, which the operator does not make");
    for (size_t i = 0; i < static_cast<size_t>(op.inputs_min) && !ops::is_control(op.name); ++i)
      if (node.inputs[i] == kNoValue) return broken("input " + std::to_string(i) + " is absent, which the operator needs");
    for (ValueId id : node.inputs)
      if (id != kNoValue && (!in_range(id) || !available_[id]))
        return broken("input " + name_of(id) + " is not produced by an earlier node");
    for (ValueId id : node.outputs) {
      if (id == kNoValue) continue;
      if (!in_range(id)) return broken("output " + name_of(id) + " does not exist");
      if (available_[id]) return broken("output " + name_of(id) + " has another producer");
      available_[id] = true;
    }
    return ops::is_control(op.name) ? subgraphs(node) : Result<void>();
  }

  Result<void> subgraphs(const Node& node) {
    const int64_t captures = node.attributes.get_int(ops::kCaptures, 0);
    const int64_t carried = ops::carried_count(node.op->name, node.attributes, node.inputs.size());
    const bool is_if = node.is("If");
    if (captures < 0 || (is_if ? captures + 1 != static_cast<int64_t>(node.inputs.size()) : carried < 0))
      return broken("its inputs do not match its captures");
    const auto inputs = is_if ? static_cast<size_t>(captures) : node.inputs.size();
    const size_t outputs = node.outputs.size() + (node.is("Loop") ? 1 : 0);
    if (is_if) {
      TRY(subgraph(node, ops::kThenBranch, inputs, outputs));
      return subgraph(node, ops::kElseBranch, inputs, outputs);
    }
    if (node.outputs.size() < static_cast<size_t>(carried)) return broken("it has fewer outputs than carried values");
    return subgraph(node, ops::kBody, inputs, outputs);
  }

  Result<void> subgraph(const Node& node, std::string_view attribute, size_t inputs, size_t outputs) {
    const auto* reference = node.attributes.get<ops::GraphRef>(attribute);
    // Children follow their parents in the list, so references cannot form a cycle.
    const auto self = static_cast<size_t>(&graph_ - model_.graphs.data());
    if (!reference || reference->index <= self || reference->index >= model_.graphs.size())
      return broken("the attribute " + std::string(attribute) + " refers to no subgraph of the model");
    const Graph& child = model_.graphs[reference->index];
    if (child.inputs.size() != inputs || child.outputs.size() != outputs)
      return broken("the subgraph " + std::string(attribute) + " has " + std::to_string(child.inputs.size()) + " inputs and " +
                    std::to_string(child.outputs.size()) + " outputs, the node wants " + std::to_string(inputs) + " and " +
                    std::to_string(outputs));
    return {};
  }

  const Model& model_;
  const Graph& graph_;
  std::vector<bool> available_;
  std::unordered_set<std::string_view> names_;
};

}  // namespace

Result<void> verify(const Model& model) {
  if (model.graphs.empty()) return broken("the model has no graph");
  for (size_t i = 0; i < model.graphs.size(); ++i) {
    const auto result = GraphVerifier(model, model.graphs[i]).run(i == 0);
    if (!result) return result.error().within("graph '" + printable(model.graphs[i].name) + "'");
  }
  return {};
}

}  // namespace tercel::graph
