#pragma once

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/session.h"
#include "plan/program.h"

// Builds small programs for the tests of this folder.
namespace tercel::engine {

class GraphMaker {
 public:
  plan::ValueId input(std::string name, DType dtype, const Shape& shape) {
    graph.values.push_back({.name = std::move(name), .type = {dtype, shape}, .is_constant = false, .constant = {}});
    graph.inputs.push_back(last());
    return last();
  }
  plan::ValueId constant(Tensor tensor) {
    const TensorType type = tensor.type();
    graph.values.push_back({.name = "constant" + std::to_string(graph.values.size()),
                            .type = type,
                            .is_constant = true,
                            .constant = std::move(tensor)});
    return last();
  }
  plan::ValueId floats(const Shape& shape, std::vector<float> values) {
    return constant(Tensor::of<float>(DType::kFloat32, shape, values));
  }
  plan::ValueId ints(std::vector<int64_t> values) {
    return constant(Tensor::of<int64_t>(DType::kInt64, {Dim(static_cast<int64_t>(values.size()))}, values));
  }
  plan::ValueId scalar(int64_t value) { return constant(Tensor::of<int64_t>(DType::kInt64, {}, std::vector<int64_t>{value})); }
  plan::ValueId truth(bool value) {
    Tensor tensor = Tensor::zeros(DType::kBool, {}).take();
    *tensor.mutable_as<uint8_t>() = value;
    return constant(tensor);
  }
  std::vector<plan::ValueId> nodes(std::string_view op, std::vector<plan::ValueId> inputs, size_t outputs,
                                   ops::Attributes attributes = {}) {
    plan::ProgramNode node;
    node.op = ops::find_op(op);
    check(node.op != nullptr, "operator of a test");
    node.name = std::string(op) + "_" + std::to_string(graph.nodes.size());
    node.attributes = std::move(attributes);
    node.inputs = std::move(inputs);
    for (size_t i = 0; i < outputs; ++i) {
      graph.values.push_back({.name = node.name + ":" + std::to_string(i), .type = {}, .is_constant = false, .constant = {}});
      node.outputs.push_back(last());
    }
    graph.nodes.push_back(node);
    return node.outputs;
  }
  plan::ValueId node(std::string_view op, std::vector<plan::ValueId> inputs, ops::Attributes attributes = {}) {
    return nodes(op, std::move(inputs), 1, std::move(attributes))[0];
  }
  void output(plan::ValueId id) { graph.outputs.push_back(id); }
  // Gives the type a value declares, for outputs of subgraphs.
  void declare(plan::ValueId id, DType dtype, const Shape& shape) { graph.values[id].type = {dtype, shape}; }

  plan::ProgramGraph graph;

 private:
  plan::ValueId last() const { return static_cast<plan::ValueId>(graph.values.size() - 1); }
};

inline std::shared_ptr<plan::Program> program_of(GraphMaker main, std::vector<std::string> symbols = {}) {
  auto program = std::make_shared<plan::Program>();
  program->symbols = std::move(symbols);
  program->graphs.push_back(std::move(main.graph));
  return program;
}

inline ops::Attributes attributes_of(std::vector<std::pair<std::string, ops::AttributeValue>> entries) {
  ops::Attributes attributes;
  for (auto& [name, value] : entries) attributes.set(name, std::move(value));
  return attributes;
}

inline Tensor tensor_of(const Shape& shape, std::vector<float> values) {
  return Tensor::of<float>(DType::kFloat32, shape, values);
}
inline Tensor ints_of(const Shape& shape, std::vector<int64_t> values) {
  return Tensor::of<int64_t>(DType::kInt64, shape, values);
}
inline Tensor truth_of(bool value) {
  Tensor tensor = Tensor::zeros(DType::kBool, {}).take();
  *tensor.mutable_as<uint8_t>() = value;
  return tensor;
}

// Binds the shapes of `inputs`, runs, and copies the outputs.
inline Result<std::vector<Tensor>> run_once_for_test(Session& session, const std::vector<Tensor>& inputs,
                                                     const RunControl& control = {}) {
  std::vector<Shape> shapes;
  std::vector<InputView> views;
  for (const Tensor& input : inputs) {
    shapes.push_back(input.shape());
    views.push_back({input.type(), input.data()});
  }
  const Binding* binding = TRY(session.bind(shapes));
  std::vector<OutputView> outputs(session.output_types(*binding).size());
  TRY(session.run(*binding, views, {}, outputs, control));
  std::vector<Tensor> copies;
  for (const OutputView& view : outputs) {
    Tensor copy = TRY(Tensor::zeros(view.type.dtype, view.type.shape));
    if (view.type.bytes()) std::memcpy(copy.mutable_data(), view.data, view.type.bytes());
    copies.push_back(std::move(copy));
  }
  return copies;
}

inline std::vector<float> floats_of(const Tensor& tensor) { return {tensor.as<float>(), tensor.as<float>() + tensor.elements()}; }

}  // namespace tercel::engine
