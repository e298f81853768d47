#include "graph/graph.h"

#include <gtest/gtest.h>

#include "graph/testing_ops.h"
#include "graph/text.h"

namespace tercel::graph::testing {
namespace {

TEST(Model, InternsSymbolsAndPrintsThem) {
  Model model;
  const Dim batch = model.symbol("batch"), length = model.symbol("length");
  EXPECT_TRUE(batch.same_as(model.symbol("batch")));
  EXPECT_FALSE(batch.same_as(length));
  EXPECT_EQ(model.text({batch, Dim(3), Dim::unknown(), length}), "batchx3x?xlength");
  EXPECT_EQ(model.text({}), "scalar");
}

TEST(Text, HidesControlCharactersAndCutsLongNames) {
  EXPECT_EQ(printable("a\x1b[31mb\n"), "a?[31mb?");
  EXPECT_LT(printable(std::string(100000, 'x')).size(), 300u);
}

struct TwoAdds {
  Model model;
  ValueId x, c, y, z;
  TwoAdds() {
    Graph& graph = model.graphs.emplace_back();
    graph.name = "main";
    x = add_input(graph, "x", floats({model.symbol("batch"), Dim(2)}));
    c = graph.add_constant("c", Tensor::of<float>(DType::kFloat32, {2}, std::vector<float>{1, 2.5f}));
    y = graph.add_value("y");
    z = graph.add_value("z");
    add_node(graph, kAdd, {x, c}, {y});
    add_node(graph, kAdd, {y, y}, {z});
    graph.outputs = {z};
  }
};

TEST(Uses, CountsReadersAndProducers) {
  TwoAdds fixture;
  const Uses uses(fixture.model.main());
  EXPECT_EQ(uses.producer[fixture.x], Uses::kNone);
  EXPECT_EQ(uses.producer[fixture.z], 1u);
  EXPECT_EQ(uses.readers[fixture.y], (std::vector<uint32_t>{1, 1}));
  EXPECT_TRUE(uses.single_reader(fixture.x));
  EXPECT_FALSE(uses.single_reader(fixture.y));
  EXPECT_FALSE(uses.single_reader(fixture.z));
}

TEST(Text, OneLineANode) {
  TwoAdds fixture;
  fixture.model.main().nodes[0].attributes.set("axes", std::vector<int64_t>{0, -1});
  ASSERT_TRUE(infer_shapes(fixture.model).ok());
  EXPECT_EQ(to_text(fixture.model),
            "graph 0 main(x: float32 batchx2) -> (z)\n"
            "  c: float32 2 = {1, 2.5}\n"
            "  y: float32 batchx2 = Add(x, c) axes=[0, -1]  # Add0\n"
            "  z: float32 batchx2 = Add(y, y)  # Add1\n");
}

TEST(RemoveUnused, DropsDeadNodesValuesAndGraphs) {
  TwoAdds fixture;
  Graph& graph = fixture.model.main();
  const ValueId dead = graph.add_value("dead"), pair = graph.add_value("pair"), count = graph.add_value("count");
  add_node(graph, kAdd, {fixture.x, fixture.x}, {dead});
  add_node(graph, kPair, {fixture.z}, {pair, count});
  graph.outputs = {pair};
  fixture.model.graphs.emplace_back().name = "orphan";
  remove_unused(fixture.model);
  ASSERT_EQ(fixture.model.graphs.size(), 1u);
  const Graph& after = fixture.model.main();
  ASSERT_EQ(after.nodes.size(), 3u);
  EXPECT_EQ(after.values.size(), 5u);
  EXPECT_EQ(after.nodes[2].outputs[1], kNoValue) << "an output nobody reads is not wanted";
  EXPECT_EQ(after.value(after.outputs[0]).name, "pair");
  EXPECT_TRUE(verify(fixture.model).ok()) << verify(fixture.model).error().message();
}

TEST(RemoveUnused, RenumbersSubgraphs) {
  Model model;
  model.graphs.resize(4);
  for (size_t i : {1, 3}) {
    const ValueId in = add_input(model.graphs[i], "in");
    model.graphs[i].outputs = {in};
    model.graphs[i].name = "branch" + std::to_string(i);
  }
  Graph& main = model.main();
  const ValueId condition = add_input(main, "condition", TensorType{DType::kBool, {}});
  const ValueId x = add_input(main, "x", floats({2}));
  const ValueId y = main.add_value("y");
  Node& node = add_node(main, control_op("If"), {condition, x}, {y});
  node.attributes.set("captures", int64_t{1});
  node.attributes.set("then_branch", ops::GraphRef{1});
  node.attributes.set("else_branch", ops::GraphRef{3});
  main.outputs = {y};
  remove_unused(model);
  ASSERT_EQ(model.graphs.size(), 3u);
  EXPECT_EQ(model.graphs[model.main().nodes[0].attributes.get<ops::GraphRef>("else_branch")->index].name, "branch3");
  EXPECT_TRUE(verify(model).ok()) << verify(model).error().message();
}

}  // namespace
}  // namespace tercel::graph::testing
