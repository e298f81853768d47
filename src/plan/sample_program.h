#pragma once

#include "plan/program.h"

// A small program that uses every field of a plan: for the tests and the fuzzing corpus of this folder.
namespace tercel::plan {

inline ProgramValue value_of(std::string name, DType dtype, const Shape& shape) {
  return {.name = std::move(name), .type = {dtype, shape}, .is_constant = false, .constant = {}};
}

inline ProgramValue constant_of(std::string name, std::span<const float> values) {
  const Tensor tensor = Tensor::of<float>(DType::kFloat32, Shape{Dim(static_cast<int64_t>(values.size()))}, values);
  return {.name = std::move(name), .type = tensor.type(), .is_constant = true, .constant = tensor};
}

inline ProgramNode node_of(std::string_view op, std::string name, std::vector<ValueId> inputs, std::vector<ValueId> outputs) {
  ProgramNode node;
  node.op = ops::find_op(op);
  check(node.op != nullptr, "operator of the sample program");
  node.name = std::move(name);
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  return node;
}

// y = x + w; z = if c then y else w2, where w2 has the contents of w. `packed` must outlive the program.
inline Program sample_program(std::span<const std::byte> packed) {
  static constexpr float kWeights[] = {1, 2, 3, 4};
  const Shape row{Dim::symbol(0), Dim(4)};
  Program program;
  program.model_name = "sample";
  program.producer = "test";
  program.compiler = "tercel";
  program.model_digest = "0123";
  program.symbols = {"batch"};
  program.graphs.resize(3);
  ProgramGraph& main = program.graphs[0];
  main.name = "main";
  main.values = {value_of("x", DType::kFloat32, row), value_of("c", DType::kBool, {}),
                 constant_of("w", kWeights),          constant_of("w2", kWeights),
                 value_of("y", DType::kFloat32, row), value_of("z", DType::kFloat32, {Dim::unknown(), Dim(4)})};
  main.inputs = {0, 1};
  main.outputs = {5};
  main.nodes = {node_of("Add", "add", {0, 2}, {4}), node_of("If", "if", {1, 4, 3}, {5})};
  ops::Attributes& attributes = main.nodes[1].attributes;
  attributes.set("captures", int64_t{2});
  attributes.set("then_branch", ops::GraphRef{1});
  attributes.set("else_branch", ops::GraphRef{2});
  attributes.set("a_float", 0.5f);
  attributes.set("a_string", std::string("text"));
  attributes.set("ints", std::vector<int64_t>{1, -2});
  attributes.set("floats", std::vector<float>{1.5f});
  attributes.set("strings", std::vector<std::string>{"a", ""});
  attributes.set("tensor", Tensor::of<float>(DType::kFloat32, Shape{Dim(2), Dim(2)}, kWeights));
  for (int branch : {1, 2}) {
    ProgramGraph& graph = program.graphs[branch];
    graph.name = branch == 1 ? "then" : "else";
    graph.values = {value_of("y", DType::kFloat32, row), value_of("w", DType::kFloat32, {Dim(4)})};
    graph.inputs = {0, 1};
    graph.outputs = {branch == 1 ? 0u : 1u};
  }
  program.profile = {{"x", DType::kFloat32, {1, 4}, {8, 4}, {"batch", ""}}, {"c", DType::kBool, {}, {}, {}}};
  program.passes = {{"fold", 3, 0.25}};
  TunedSection tuned;
  tuned.isa = platform::kAvx2;
  tuned.cpu = "a cpu";
  tuned.tactic_names = {"add/fast"};
  tuned.buckets = {{{{1, 4}, {}}, {0, kUntuned}, {1.5f, -1}, 4096, {{1, 2.5, 3.5}, {2, 1.5, 9, 12}}}};
  tuned.packed = {{0, 0, "add/packed", packed}};
  tuned.notes = {{0, "add/slow", "slower: 12.3 us against 8.1 us"}};
  program.tuned = {tuned};
  return program;
}

}  // namespace tercel::plan
