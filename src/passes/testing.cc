#include "passes/testing.h"

#include <algorithm>
#include <cmath>

#include "passes/evaluate.h"

namespace tercel::passes::testing {

ops::Attributes attributes(std::vector<ops::Attributes::Entry> entries) {
  ops::Attributes result;
  for (auto& [name, value] : entries) result.set(name, std::move(value));
  return result;
}

std::vector<int64_t> ints(std::initializer_list<int64_t> values) { return values; }

Builder::Builder(uint32_t seed) : random(seed) {
  model.name = "test";
  model.graphs.emplace_back();
}

ValueId Builder::input(std::string name, const Shape& shape, DType dtype) {
  const ValueId id = model.main().add_value(std::move(name), TensorType{dtype, shape});
  model.main().inputs.push_back(id);
  return id;
}

ValueId Builder::weight(const Shape& shape, float low, float high) {
  std::uniform_real_distribution<float> distribution(low, high);
  std::vector<float> values(static_cast<size_t>(shape.elements()));
  for (float& v : values) v = distribution(random);
  return floats(shape, std::move(values));
}

ValueId Builder::floats(const Shape& shape, std::vector<float> values) {
  const std::string name = "constant" + std::to_string(model.main().values.size());
  return model.main().add_constant(name, Tensor::of<float>(DType::kFloat32, shape, values));
}

ValueId Builder::integers(std::vector<int64_t> values) {
  const std::string name = "constant" + std::to_string(model.main().values.size());
  return model.main().add_constant(name, Tensor::of<int64_t>(DType::kInt64, Shape{static_cast<int64_t>(values.size())}, values));
}

ValueId Builder::index(int64_t value) {
  const std::string name = "constant" + std::to_string(model.main().values.size());
  return model.main().add_constant(name, Tensor::of<int64_t>(DType::kInt64, Shape{}, std::span<const int64_t>(&value, 1)));
}

ValueId Builder::node(std::string_view op, std::vector<ValueId> inputs, std::vector<ops::Attributes::Entry> entries) {
  return nodes(op, std::move(inputs), 1, std::move(entries))[0];
}

std::vector<ValueId> Builder::nodes(std::string_view op, std::vector<ValueId> inputs, size_t outputs,
                                    std::vector<ops::Attributes::Entry> entries) {
  graph::Graph& graph = model.main();
  graph::Node node;
  node.op = ops::find_op(op);
  check(node.op != nullptr, "a test uses an operator that does not exist");
  node.name = std::string(op) + std::to_string(graph.nodes.size());
  node.attributes = attributes(std::move(entries));
  node.inputs = std::move(inputs);
  for (size_t i = 0; i < outputs; ++i) node.outputs.push_back(graph.add_value(node.name + "_" + std::to_string(i)));
  graph.nodes.push_back(node);
  return node.outputs;
}

void Builder::output(ValueId id, std::string name) {
  model.main().value(id).name = std::move(name);
  model.main().outputs.push_back(id);
}

ValueId Builder::conv(ValueId x, int64_t in, int64_t out, int64_t kernel, std::vector<ops::Attributes::Entry> entries) {
  int64_t group = 1;
  for (const auto& entry : entries)
    if (entry.name == "group") group = std::get<int64_t>(entry.value);
  const int64_t pad = kernel / 2;
  if (std::none_of(entries.begin(), entries.end(), [](const auto& entry) { return entry.name == "pads"; }))
    entries.push_back({"pads", std::vector<int64_t>{pad, pad, pad, pad}});
  return node("Conv", {x, weight(Shape{out, in / group, kernel, kernel}), weight(Shape{out})}, std::move(entries));
}

ValueId Builder::batch_norm(ValueId x, int64_t channels) {
  const Shape shape{channels};
  return node("BatchNormalization", {x, weight(shape), weight(shape), weight(shape), weight(shape, 0.5f, 2.0f)});
}

ValueId Builder::linear(ValueId x, int64_t in, int64_t out) {
  return node("Add", {node("MatMul", {x, weight(Shape{in, out}, -0.5f, 0.5f)}), weight(Shape{out})});
}

ValueId Builder::layer_norm(ValueId x, int64_t channels) {
  const ValueId axes = integers({-1});
  const ValueId centred = node("Sub", {x, node("ReduceMean", {x, axes})});
  const ValueId variance = node("ReduceMean", {node("Pow", {centred, scalar(2)}), axes});
  const ValueId normal = node("Div", {centred, node("Sqrt", {node("Add", {variance, scalar(1e-5f)})})});
  return node("Add", {node("Mul", {normal, weight(Shape{channels})}), weight(Shape{channels})});
}

ValueId Builder::gelu(ValueId x) {
  const ValueId erf = node("Erf", {node("Div", {x, scalar(1.41421356f)})});
  return node("Mul", {node("Mul", {x, node("Add", {erf, scalar(1)})}), scalar(0.5f)});
}

int apply(Model& model, Result<int> (*pass)(Model&)) {
  const auto run = [&]() -> Result<int> {
    TRY(graph::infer_shapes(model));
    TRY(graph::verify(model));
    const int changes = TRY(pass(model));
    TRY(graph::infer_shapes(model));
    TRY(graph::verify(model));
    return changes;
  };
  const auto changes = run();
  if (!changes) {
    ADD_FAILURE() << changes.error().message() << "\n" << graph::to_text(model);
    return -1;
  }
  return *changes;
}

int count(const Model& model, std::string_view op) {
  const auto& nodes = model.main().nodes;
  return static_cast<int>(std::count_if(nodes.begin(), nodes.end(), [&](const graph::Node& node) { return node.is(op); }));
}

const graph::Node& only(const Model& model, std::string_view op) {
  EXPECT_EQ(count(model, op), 1) << op << "\n" << graph::to_text(model);
  static const graph::Node none;
  for (const graph::Node& node : model.main().nodes)
    if (node.is(op)) return node;
  return none;
}

const graph::Node& producer(const Model& model, ValueId id) {
  for (const graph::Node& node : model.main().nodes)
    if (std::find(node.outputs.begin(), node.outputs.end(), id) != node.outputs.end()) return node;
  check(false, "a test asks who makes a value that nobody makes");
  return model.main().nodes[0];
}

std::vector<std::string> output_names(const Model& model) {
  std::vector<std::string> names;
  for (ValueId id : model.main().outputs) names.push_back(model.main().value(id).name);
  return names;
}

std::vector<Tensor> random_inputs(const Model& model, const Sizes& sizes, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> distribution(-2, 2);
  std::vector<Tensor> inputs;
  for (ValueId id : model.main().inputs) {
    const TensorType& type = model.main().value(id).type;
    Shape shape;
    for (Dim d : type.shape.dims())
      shape.push_back(d.is_known() ? d : Dim(sizes.at(model.symbols[static_cast<size_t>(d.symbol_id())])));
    Tensor tensor = Tensor::zeros(type.dtype, shape).value();
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      if (type.dtype == DType::kFloat32) tensor.mutable_as<float>()[i] = distribution(random);
      else if (type.dtype == DType::kBool) tensor.mutable_as<bool>()[i] = random() % 2;
      else if (type.dtype == DType::kInt64) tensor.mutable_as<int64_t>()[i] = static_cast<int64_t>(random() % 4);
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

namespace {

double largest(const Tensor& tensor) {
  double result = 1e-3;
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const double v = std::abs(element_as_double(tensor.dtype(), tensor.data(), i));
    if (std::isfinite(v)) result = std::max(result, v);
  }
  return result;
}

void expect_close(const Tensor& expected, const Tensor& actual, double tolerance, const std::string& name) {
  ASSERT_EQ(expected.type(), actual.type()) << name << ": " << to_string(expected.shape()) << " and "
                                            << to_string(actual.shape());
  const double bound = tolerance * largest(expected);
  for (int64_t i = 0; i < expected.elements(); ++i) {
    const double a = element_as_double(expected.dtype(), expected.data(), i),
                 b = element_as_double(actual.dtype(), actual.data(), i);
    if (std::isnan(a) && std::isnan(b)) continue;
    ASSERT_TRUE(a == b || std::abs(a - b) <= bound) << name << " element " << i << ": " << a << " became " << b;
  }
}

}  // namespace

void expect_same(const Model& before, const Model& after, const Sizes& sizes, double tolerance) {
  ASSERT_EQ(output_names(before), output_names(after));
  ASSERT_EQ(before.main().inputs.size(), after.main().inputs.size());
  for (size_t i = 0; i < before.main().inputs.size(); ++i) {
    const auto &a = before.main().value(before.main().inputs[i]), &b = after.main().value(after.main().inputs[i]);
    ASSERT_EQ(a.name, b.name);
    ASSERT_EQ(a.type, b.type);
  }
  for (uint32_t seed : {7u, 8u}) {
    const auto inputs = random_inputs(before, sizes, seed);
    const auto expected = evaluate(before.main(), inputs);
    const auto actual = evaluate(after.main(), inputs);
    ASSERT_TRUE(expected) << expected.error().message();
    ASSERT_TRUE(actual) << actual.error().message() << "\n" << graph::to_text(after);
    for (size_t i = 0; i < expected->size() && !::testing::Test::HasFatalFailure(); ++i)
      expect_close((*expected)[i], (*actual)[i], tolerance, output_names(before)[i] + " (seed " + std::to_string(seed) + ")");
    if (::testing::Test::HasFatalFailure()) {
      ADD_FAILURE() << "before:\n" << graph::to_text(before) << "after:\n" << graph::to_text(after);
      return;
    }
  }
}

}  // namespace tercel::passes::testing
