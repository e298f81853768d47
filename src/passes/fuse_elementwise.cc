#include <algorithm>
#include <bit>
#include <map>

#include "passes/elementwise_codes.h"
#include "passes/passes.h"
#include "passes/same_shape.h"

namespace tercel::passes {

namespace {

using ops::ElementwiseCode;
using ops::ElementwiseInstruction;
using ops::ElementwiseProgram;

bool contains(const std::vector<NodeId>& nodes, NodeId id) { return std::find(nodes.begin(), nodes.end(), id) != nodes.end(); }

// Nodes that become one: the root, and producers that only the group reads, each of the root's shape.
class Group {
 public:
  Group(const Editor& e, const SameShape& same, NodeId root) : e_(e), same_(same), nodes_{root} {}

  void grow() {
    for (bool grew = true; grew;) {
      grew = false;
      for (size_t i = 0; i < nodes_.size(); ++i) {
        for (ValueId input : e_.node(nodes_[i]).inputs) grew |= input != kNoValue && try_add(e_.producer(input));
      }
    }
  }

  const std::vector<NodeId>& nodes() const { return nodes_; }
  NodeId root() const { return nodes_[0]; }
  bool makes(ValueId value) const { return e_.producer(value) != kNoNode && contains(nodes_, e_.producer(value)); }

  // Values that are read and not made, without scalar constants, each once.
  std::vector<ValueId> inputs() const {
    std::vector<ValueId> inputs;
    for (NodeId id : nodes_) {
      const ElementwiseStep step = *elementwise_step(e_, e_.node(id));
      for (const ElementwiseOperand& operand : step.operands)
        if (operand.value != kNoValue && !makes(operand.value) &&
            std::find(inputs.begin(), inputs.end(), operand.value) == inputs.end())
          inputs.push_back(operand.value);
    }
    return inputs;
  }

 private:
  bool within_limits() const {
    int instructions = 0;
    for (NodeId id : nodes_) instructions += elementwise_step(e_, e_.node(id))->length();
    const size_t inputs = this->inputs().size();
    return instructions <= ops::kProgramInstructionsMax && inputs >= 1 && inputs <= static_cast<size_t>(ops::kProgramInputsMax);
  }

  bool try_add(NodeId id) {
    if (id == kNoNode || contains(nodes_, id) || contains(refused_, id)) return false;
    const Node& node = e_.node(id);
    const ValueId output = node.outputs[0];
    if (output == kNoValue || e_.is_output(output) || !elementwise_step(e_, node) || !same_(output, e_.node(root()).outputs[0]))
      return false;
    const auto readers = e_.readers(output);
    if (!std::all_of(readers.begin(), readers.end(), [&](NodeId reader) { return contains(nodes_, reader); })) return false;
    nodes_.push_back(id);
    if (within_limits()) return true;
    nodes_.pop_back();
    refused_.push_back(id);
    return false;
  }

  const Editor& e_;
  const SameShape& same_;
  std::vector<NodeId> nodes_, refused_;
};

// Writes the instructions of a group, producers first.
class ProgramWriter {
 public:
  ProgramWriter(const Editor& e, const Group& group) : e_(e), group_(group), inputs_(group.inputs()) {}

  ElementwiseProgram write() {
    make(e_.node(group_.root()).outputs[0]);
    return std::move(program_);
  }
  const std::vector<ValueId>& inputs() const { return inputs_; }

 private:
  int16_t emit(const ElementwiseInstruction& instruction) {
    program_.instructions.push_back(instruction);
    return static_cast<int16_t>(ops::kFirstResult + static_cast<int>(program_.instructions.size()) - 1);
  }

  int16_t constant(float number) {
    auto& constants = program_.constants;
    const auto same_bits = [&](float other) { return std::bit_cast<uint32_t>(other) == std::bit_cast<uint32_t>(number); };
    const auto found = std::find_if(constants.begin(), constants.end(), same_bits);
    const auto index = found - constants.begin();
    if (found == constants.end()) constants.push_back(number);
    return static_cast<int16_t>(ops::kFirstConstant + index);
  }

  int16_t operand(const ElementwiseOperand& source) {
    if (source.value == kNoValue) return constant(source.number);
    if (group_.makes(source.value)) return make(source.value);
    return static_cast<int16_t>(std::find(inputs_.begin(), inputs_.end(), source.value) - inputs_.begin());
  }

  // The product inside a * b + c, when only this sum reads it.
  std::optional<ElementwiseStep> product(const ElementwiseOperand& source) {
    if (source.value == kNoValue || !group_.makes(source.value) || !e_.single_reader(source.value)) return std::nullopt;
    const auto step = elementwise_step(e_, e_.node(e_.producer(source.value)));
    return step && step->code == ElementwiseCode::kMultiply && step->operands.size() == 2 ? step : std::nullopt;
  }

  int16_t make(ValueId value) {
    if (const auto made = made_.find(value); made != made_.end()) return made->second;
    const ElementwiseStep step = *elementwise_step(e_, e_.node(e_.producer(value)));
    return made_[value] = step.code == ElementwiseCode::kAdd && step.operands.size() == 2 ? add(step) : plain(step);
  }

  int16_t add(const ElementwiseStep& step) {
    for (size_t side : {size_t{0}, size_t{1}}) {
      const auto inner = product(step.operands[side]);
      if (!inner) continue;
      const int16_t a = operand(inner->operands[0]), b = operand(inner->operands[1]), c = operand(step.operands[1 - side]);
      return emit({ElementwiseCode::kMultiplyAdd, a, b, c});
    }
    return plain(step);
  }

  int16_t plain(const ElementwiseStep& step) {
    std::vector<int16_t> operands;
    for (const ElementwiseOperand& source : step.operands) operands.push_back(operand(source));
    ElementwiseInstruction instruction{step.code, operands[0]};
    if (ops::operand_count(step.code) != 2) {
      if (operands.size() > 1) instruction.b = operands[1];
      if (operands.size() > 2) instruction.c = operands[2];
      return emit(instruction);
    }
    for (size_t i = 1; i < operands.size(); ++i) {  // Sum, Min and Max take any number
      instruction.b = operands[i];
      instruction.a = emit(instruction);
    }
    return instruction.a;
  }

  const Editor& e_;
  const Group& group_;
  std::vector<ValueId> inputs_;
  ElementwiseProgram program_;
  std::map<ValueId, int16_t> made_;
};

// The inputs that are left once scalar constants went into the program still broadcast to the root's shape.
bool inputs_cover(const Editor& e, const SameShape& same, const std::vector<ValueId>& inputs, ValueId output) {
  Shape shape;
  for (ValueId input : inputs) {
    if (same(input, output)) return true;
    const auto wider = broadcast(shape, e.type(input).shape);
    if (!wider) return false;
    shape = *wider;
  }
  return same_shape(shape, e.type(output).shape);
}

bool fuse(Editor& e, const SameShape& same, NodeId root) {
  if (!elementwise_step(e, e.node(root))) return false;
  Group group(e, same, root);
  group.grow();
  if (group.nodes().size() < 2) return false;
  const Node old = e.node(root);
  ProgramWriter writer(e, group);
  if (!inputs_cover(e, same, writer.inputs(), old.outputs[0])) return false;
  Node node{ops::find_op("tercel.FusedElementwise"), old.name, {}, writer.inputs(), old.outputs};
  ops::set_elementwise_program(node.attributes, writer.write());
  e.replace(root, std::move(node));
  return true;
}

}  // namespace

Result<int> fuse_elementwise(graph::Model& model) {
  int changes = 0;
  for (graph::Graph& graph : model.graphs) {
    Editor e(graph);
    const SameShape same(e);
    for (NodeId id = e.size(); id-- > 0;)  // from the last: a root has no reader that could have taken it in
      if (e.alive(id)) changes += fuse(e, same, id);
  }
  return changes;
}

}  // namespace tercel::passes
