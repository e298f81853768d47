#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "engine/binding.h"
#include "engine/test_program.h"
#include "engine/typed_node.h"
#include "platform/isa.h"

// The memory plan, in-place steps, renamed values and homes of outputs never change a bit: random graphs computed by a
// session and by a walk that keeps every value in memory of its own.
namespace tercel::engine {
namespace {

using plan::ValueId;

struct RandomGraph {
  explicit RandomGraph(std::mt19937& random) : random(random) {}

  // Shapes of all values are 4x6, 6x4 or 24, so that any two of one shape can meet.
  void grow() {
    const ValueId a = any();
    const Shape shape = shapes[a];
    switch (random() % 8) {
      case 0: add(maker.node("Relu", {a}), shape); break;
      case 1: add(maker.node("Neg", {a}), shape); break;
      case 2: add(maker.node("Add", {a, like(a)}), shape); break;
      case 3: add(maker.node("Mul", {like(a), a}), shape); break;
      case 4: add(maker.node("Reshape", {a, maker.ints(kShapes[pick(shape)].sizes())}), kShapes[pick(shape)]); break;
      case 5: add(maker.node("Identity", {a}), shape); break;
      case 6:
        if (shape.rank() == 2) add(maker.node("Transpose", {a}), {shape[1], shape[0]});
        break;
      default: {
        if (shape.rank() != 1) break;
        const auto halves = maker.nodes("Split", {a}, 2, attributes_of({{"axis", int64_t{0}}, {"num_outputs", int64_t{2}}}));
        add(maker.node("Concat", {halves[1], halves[0]}, attributes_of({{"axis", int64_t{0}}})), shape);
      }
    }
  }

  void add(ValueId id, const Shape& shape) {
    ids.push_back(id);
    shapes.resize(std::max<size_t>(shapes.size(), id + 1));
    shapes[id] = shape;
  }
  ValueId any() {
    return ids[random() % 3 ? ids.size() - 1 - random() % std::min<size_t>(ids.size(), 4) : random() % ids.size()];
  }
  ValueId like(ValueId a) {
    for (int attempt = 0; attempt < 20; ++attempt)
      if (const ValueId b = any(); shapes[b] == shapes[a]) return b;
    return a;
  }
  size_t pick(const Shape& not_this) {
    if (choice_for_ != ids.size()) choice_ = random() % 3;
    choice_for_ = ids.size();
    return kShapes[choice_] == not_this ? (choice_ + 1) % 3 : choice_;
  }

  const Shape kShapes[3] = {{Dim(4), Dim(6)}, {Dim(6), Dim(4)}, {Dim(24)}};
  std::mt19937& random;
  GraphMaker maker;
  std::vector<ValueId> ids;
  std::vector<Shape> shapes;

 private:
  size_t choice_ = 0, choice_for_ = SIZE_MAX;
};

std::vector<Tensor> naive(const plan::Program& program, const std::vector<Tensor>& inputs) {
  const platform::ScopedFlushDenormals as_sessions_do;  // long chains of products underflow
  const plan::ProgramGraph& graph = program.main();
  Environment environment{.program = nullptr,
                          .tuned = nullptr,
                          .packed = nullptr,
                          .isa = platform::host_isa(),
                          .threads = 1,
                          .budget = MemoryBudget(SIZE_MAX)};
  std::vector<LiveValue> values(graph.values.size());
  const auto set = [&](ValueId id, const Tensor& tensor) {
    values[id].known = tensor;
    values[id].type = tensor.type();
  };
  for (ValueId id = 0; id < values.size(); ++id)
    if (graph.values[id].is_constant) set(id, graph.values[id].constant);
  for (size_t i = 0; i < inputs.size(); ++i) set(graph.inputs[i], inputs[i]);
  for (const plan::ProgramNode& node : graph.nodes) {
    TypedNode typed{.node = &node,
                    .inputs = {},
                    .outputs = std::vector<TensorType>(node.outputs.size()),
                    .wanted = std::vector<char>(node.outputs.size(), 1)};
    for (ValueId id : node.inputs) typed.inputs.push_back(&values[id]);
    std::vector<std::optional<std::vector<Dim>>> dims;
    check(infer(typed, dims).value(), "types of a random graph");
    const auto tensors = evaluate(environment, typed).take();
    for (size_t i = 0; i < tensors.size(); ++i) set(node.outputs[i], tensors[i]);
  }
  std::vector<Tensor> outputs;
  for (ValueId id : graph.outputs) outputs.push_back(*values[id].known);
  return outputs;
}

void compare(std::mt19937& random) {
  RandomGraph graph(random);
  const size_t input_count = 1 + random() % 3;
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < input_count; ++i) {
    const Shape& shape = graph.kShapes[random() % 3];
    graph.add(graph.maker.input("x" + std::to_string(i), DType::kFloat32, shape), shape);
    std::vector<float> values(24);
    for (float& v : values) v = static_cast<float>(static_cast<int>(random() % 200) - 100) / 64;
    inputs.push_back(tensor_of(shape, values));
  }
  for (size_t n = 1 + random() % 40; n > 0; --n) graph.grow();
  graph.maker.output(graph.ids.back());
  for (size_t n = random() % 5; n > 0; --n) graph.maker.output(graph.any());
  const auto program = program_of(std::move(graph.maker));
  const auto session = Session::open(program, {.threads = 1}).take();
  const auto expected = naive(*program, inputs);
  for (int round = 0; round < 2; ++round) {
    const auto outputs = run_once_for_test(*session, inputs).take();
    ASSERT_EQ(outputs.size(), expected.size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      ASSERT_EQ(outputs[i].type(), expected[i].type());
      ASSERT_EQ(std::memcmp(outputs[i].data(), expected[i].data(), outputs[i].bytes()), 0) << "output " << i;
    }
  }
}

TEST(RandomGraphs, SharedMemoryNeverChangesABit) {
  const char* given = std::getenv("TERCEL_TEST_SEED");
  const auto seed = given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 1500 && !testing::Test::HasFatalFailure(); ++round) {
    SCOPED_TRACE(round);
    compare(random);
  }
}

}  // namespace
}  // namespace tercel::engine
