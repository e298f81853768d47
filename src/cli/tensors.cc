#include "cli/tensors.h"

#include <algorithm>
#include <random>

#include "planner/profile.h"
#include "tensor/npy.h"

namespace tercel::cli {

namespace {

std::string input_list(const plan::Program& program) {
  std::string names;
  for (const auto& input : program.profile) names += (names.empty() ? "" : ", ") + input.name;
  return names;
}

// Rows of the table that an integer input indexes, looking through operators that pass indices on.
int64_t index_limit(const plan::ProgramGraph& graph, plan::ValueId id, int depth) {
  int64_t limit = 0;
  const auto narrow = [&](int64_t other) { limit = limit == 0 ? other : other == 0 ? limit : std::min(limit, other); };
  for (const plan::ProgramNode& node : graph.nodes) {
    if (node.inputs.empty() || node.outputs.empty()) continue;
    if (node.op->name == "Gather" && node.inputs.size() > 1 && node.inputs[1] == id) {
      const Shape& table = graph.values[node.inputs[0]].type.shape;
      const auto axis = normalize_axis(node.attributes.get_int("axis", 0), table.rank());
      if (axis.ok() && table[*axis].is_known()) narrow(table.size(*axis));
    }
    const bool passes_on = node.op->name == "Cast" || node.op->name == "Reshape" || node.op->name == "Unsqueeze" ||
                           node.op->name == "Squeeze" || node.op->name == "Slice" || node.op->name == "Split";
    if (passes_on && node.inputs[0] == id && depth > 0)
      for (plan::ValueId output : node.outputs)
        if (output != plan::kNoValue) narrow(index_limit(graph, output, depth - 1));
  }
  return limit;
}

}  // namespace

Result<NamedTensors> read_inputs(const std::vector<std::string>& arguments, const plan::Program& program) {
  NamedTensors tensors;
  for (const std::string& argument : arguments) {
    const size_t equals = argument.find('=');
    if (argument.ends_with(".npz") && equals == std::string::npos) {
      for (auto& item : TRY(read_npz(argument))) tensors.push_back(std::move(item));
      continue;
    }
    if (equals == std::string::npos && program.profile.size() != 1)
      return invalid("--input " + argument + ": the model has several inputs (" + input_list(program) + "); write NAME=FILE.npy");
    const std::string name = equals == std::string::npos ? program.profile[0].name : argument.substr(0, equals);
    tensors.emplace_back(name, TRY(read_npy(equals == std::string::npos ? argument : argument.substr(equals + 1))));
  }
  return tensors;
}

Result<std::vector<Tensor>> match_inputs(const NamedTensors& tensors, const plan::Program& program) {
  for (const auto& named : tensors) {
    const bool known =
        std::any_of(program.profile.begin(), program.profile.end(), [&](const auto& input) { return input.name == named.first; });
    if (!known) return invalid("the model has no input '" + named.first + "'; its inputs are " + input_list(program));
  }
  std::vector<Tensor> ordered;
  for (const auto& input : program.profile) {
    const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const auto& item) { return item.first == input.name; });
    if (found == tensors.end()) return invalid("input '" + input.name + "' is missing; give --input " + input.name + "=FILE.npy");
    if (found->second.dtype() != input.dtype)
      return invalid("input '" + input.name + "' is " + std::string(dtype_name(found->second.dtype())) + ", the model wants " +
                     std::string(dtype_name(input.dtype)));
    ordered.push_back(found->second);
  }
  return ordered;
}

Result<std::vector<Tensor>> random_inputs(const plan::Program& program, const std::vector<Shape>& shapes, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < shapes.size(); ++i) {
    const plan::ValueId id = program.main().inputs[i];
    const int64_t limit = std::max<int64_t>(index_limit(program.main(), id, 4), 2);
    std::uniform_int_distribution<int64_t> index(0, limit - 1);
    Tensor tensor = TRY(Tensor::zeros(program.profile[i].dtype, shapes[i]));
    visit_dtype(tensor.dtype(), [&]<typename T>() {
      T* out = tensor.mutable_as<T>();
      for (int64_t e = 0; e < tensor.elements(); ++e) {
        if constexpr (std::is_same_v<T, bool>) out[e] = true;
        else if constexpr (std::is_integral_v<T>) out[e] = static_cast<T>(index(random));
        else out[e] = static_cast<T>(normal(random));
      }
    });
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

Result<std::vector<Shape>> choose_shapes(const plan::Program& program, int64_t batch, const std::vector<std::string>& overrides) {
  std::vector<Shape> shapes;
  for (const auto& input : program.profile) {
    Shape shape;
    for (size_t a = 0; a < input.low.size(); ++a) {
      const bool open = input.low[a] != input.high[a];
      shape.push_back(Dim(open ? std::max<int64_t>(a == 0 && batch > 0 ? batch : input.low[a], 1) : input.low[a]));
    }
    if (batch > 0 && shape.rank() > 0 && shape.size(0) != batch)
      return invalid("input '" + input.name + "' has a fixed batch of " + std::to_string(shape.size(0)) +
                     "; compile with --profile \"" + input.name + "=1.." + std::to_string(batch) +
                     "x...\" from a model with a dynamic batch");
    shapes.push_back(shape);
  }
  for (const std::string& text : overrides)
    for (const auto& item : TRY(planner::parse_profile(text))) {
      const auto found = std::find_if(program.profile.begin(), program.profile.end(),
                                      [&](const auto& input) { return input.name == item.input; });
      if (found == program.profile.end())
        return invalid("--shape: the model has no input '" + item.input + "'; its inputs are " + input_list(program));
      Shape shape;
      for (const auto& axis : item.axes) shape.push_back(Dim(axis.low));
      shapes[static_cast<size_t>(found - program.profile.begin())] = shape;
    }
  return shapes;
}

std::vector<Shape> shapes_of(const std::vector<Tensor>& tensors) {
  std::vector<Shape> shapes;
  for (const Tensor& t : tensors) shapes.push_back(t.shape());
  return shapes;
}

std::vector<engine::InputView> views_of(const std::vector<Tensor>& tensors) {
  std::vector<engine::InputView> views;
  for (const Tensor& t : tensors) views.push_back({t.type(), t.data()});
  return views;
}

}  // namespace tercel::cli
