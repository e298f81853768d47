#include "passes/editor.h"

#include <algorithm>

namespace tercel::passes {

Editor::Editor(graph::Graph& graph) : graph_(graph) {
  for (Node& node : graph.nodes) slots_.push_back({std::move(node)});
  graph.nodes.clear();
  cover_values();
  for (ValueId id : graph.outputs) is_output_[id] = true;
  for (NodeId id = 0; id < size(); ++id) {
    names_.insert(node(id).name);
    attach(id);
  }
}

NodeId Editor::producer_is(ValueId id, std::string_view op) const {
  const NodeId found = id == kNoValue ? kNoNode : producer(id);
  return found != kNoNode && node(found).is(op) ? found : kNoNode;
}

std::span<const NodeId> Editor::readers(ValueId id) const {
  if (id >= readers_.size()) return {};
  return readers_[id];
}

ValueId Editor::add_value(std::string name, const TensorType& type) {
  const ValueId id = graph_.add_value(std::move(name), type);
  cover_values();
  return id;
}

ValueId Editor::add_constant(std::string name, Tensor tensor) {
  const ValueId id = graph_.add_constant(std::move(name), std::move(tensor));
  cover_values();
  return id;
}

void Editor::set_constant(ValueId id, Tensor tensor) {
  const NodeId maker = producer(id);
  graph::Value& value = graph_.value(id);
  value.type = tensor.type();
  value.has_type = true;
  value.constant = std::move(tensor);
  if (maker == kNoNode) return;
  producer_[id] = kNoNode;
  for (ValueId& made : slots_[maker].node.outputs)
    if (made == id) made = kNoValue;
  const auto& made = node(maker).outputs;
  if (std::all_of(made.begin(), made.end(), [](ValueId v) { return v == kNoValue; })) erase(maker);
}

NodeId Editor::add(Node node) {
  node.name = unique_name(std::move(node.name));
  slots_.push_back({std::move(node)});
  attach(size() - 1);
  return size() - 1;
}

ValueId Editor::add(std::string_view op, std::string name, std::vector<ValueId> inputs, ops::Attributes attributes,
                    const TensorType& type) {
  Node node;
  node.op = ops::find_op(op);
  check(node.op != nullptr, "a pass makes an operator that does not exist");
  const ValueId output = add_value(name, type);
  node.name = std::move(name);
  node.attributes = std::move(attributes);
  node.inputs = std::move(inputs);
  node.outputs = {output};
  add(std::move(node));
  return output;
}

void Editor::replace(NodeId id, Node node) {
  check(alive(id), "replacement of an erased node");
  std::vector<ValueId> freed = slots_[id].node.inputs;
  detach(id);
  if (node.name != slots_[id].node.name) node.name = unique_name(std::move(node.name));
  slots_[id].node = std::move(node);
  attach(id);
  sweep(std::move(freed));
}

void Editor::absorb(NodeId id, NodeId reader, Node node) {
  node.outputs = {this->node(reader).outputs[0]};
  replace(id, std::move(node));
  erase(reader);
}

void Editor::erase(NodeId id) {
  if (!alive(id)) return;
  detach(id);
  slots_[id].alive = false;
  sweep(slots_[id].node.inputs);
}

void Editor::redirect(ValueId from, ValueId to) {
  if (from == to) return;
  cover_values();
  for (NodeId reader : readers_[from]) {
    std::replace(slots_[reader].node.inputs.begin(), slots_[reader].node.inputs.end(), from, to);
    readers_[to].push_back(reader);
  }
  readers_[from].clear();
}

bool Editor::bypass(NodeId id, size_t input) {
  const ValueId from = node(id).outputs[0], to = node(id).inputs[input];
  if (!is_output(from)) {
    redirect(from, to);
    erase(id);
    return true;
  }
  const NodeId maker = producer(to);
  if (maker == kNoNode || is_output(to)) return false;
  // The graph output keeps its identity: it takes over the place of the value it equals.
  std::vector<ValueId> freed = node(id).inputs;
  detach(id);
  slots_[id].alive = false;
  redirect(to, from);
  for (ValueId& made : slots_[maker].node.outputs)
    if (made == to) made = from;
  producer_[to] = kNoNode;
  producer_[from] = maker;
  sweep(std::move(freed));
  return true;
}

std::string Editor::unique_name(std::string name) {
  if (names_.insert(name).second) return name;
  for (int i = 1;; ++i) {
    std::string candidate = name + "_" + std::to_string(i);
    if (names_.insert(candidate).second) return candidate;
  }
}

void Editor::cover_values() {
  const size_t count = graph_.values.size();
  if (producer_.size() >= count) return;
  producer_.resize(count, kNoNode);
  readers_.resize(count);
  is_output_.resize(count, false);
}

void Editor::attach(NodeId id) {
  for (ValueId value : node(id).inputs)
    if (value != kNoValue) readers_[value].push_back(id);
  for (ValueId value : node(id).outputs)
    if (value != kNoValue) producer_[value] = id;
}

void Editor::detach(NodeId id) {
  for (ValueId value : node(id).inputs)
    if (value != kNoValue) readers_[value].erase(std::find(readers_[value].begin(), readers_[value].end(), id));
  for (ValueId value : node(id).outputs)
    if (value != kNoValue && producer_[value] == id) producer_[value] = kNoNode;
}

void Editor::sweep(std::vector<ValueId> values) {
  while (!values.empty()) {
    const ValueId value = values.back();
    values.pop_back();
    const NodeId maker = value == kNoValue ? kNoNode : producer(value);
    if (maker == kNoNode || !unread(value)) continue;
    const auto& made = node(maker).outputs;
    // A producer may have handed this output to another node meanwhile.
    const bool useless =
        std::all_of(made.begin(), made.end(), [&](ValueId v) { return v == kNoValue || unread(v) || producer(v) != maker; });
    if (!useless) continue;
    detach(maker);
    slots_[maker].alive = false;
    values.insert(values.end(), node(maker).inputs.begin(), node(maker).inputs.end());
  }
}

void Editor::finish() {
  if (finished_) return;
  finished_ = true;
  enum class State : uint8_t { kUnseen, kOpen, kDone };
  std::vector<State> state(size(), State::kUnseen);
  std::vector<NodeId> stack;
  for (NodeId root = 0; root < size(); ++root) {
    if (alive(root)) stack.push_back(root);
    while (!stack.empty()) {
      const NodeId top = stack.back();
      if (state[top] == State::kDone) {
        stack.pop_back();
        continue;
      }
      const bool returning = state[top] == State::kOpen;
      state[top] = State::kOpen;
      bool ready = true;
      for (ValueId input : node(top).inputs) {
        const NodeId maker = input == kNoValue ? kNoNode : producer(input);
        if (maker == kNoNode || state[maker] == State::kDone) continue;
        check(!returning && state[maker] != State::kOpen, "a pass made a cycle");
        stack.push_back(maker);
        ready = false;
      }
      if (!ready) continue;
      state[top] = State::kDone;
      graph_.nodes.push_back(std::move(slots_[top].node));
      stack.pop_back();
    }
  }
}

}  // namespace tercel::passes
