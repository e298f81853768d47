#include <gtest/gtest.h>

#include <functional>

#include "graph/graph.h"
#include "graph/testing_ops.h"

namespace tercel::graph::testing {
namespace {

// x -> Add -> y -> Add -> z, and an If on its side.
Model sound() {
  Model model;
  model.graphs.resize(3);
  for (size_t i : {1, 2}) model.graphs[i].outputs = {add_input(model.graphs[i], "capture")};
  Graph& graph = model.main();
  const ValueId x = add_input(graph, "x", floats({Dim(2)}));
  const ValueId condition = add_input(graph, "condition", TensorType{DType::kBool, {}});
  const ValueId c = graph.add_constant("c", Tensor::zeros(DType::kFloat32, {2}).value());
  const ValueId y = graph.add_value("y"), z = graph.add_value("z"), branch = graph.add_value("branch");
  add_node(graph, kAdd, {x, c}, {y});
  add_node(graph, kAdd, {y, y}, {z});
  Node& node = add_node(graph, control_op("If"), {condition, z}, {branch});
  node.attributes.set("captures", int64_t{1});
  node.attributes.set("then_branch", ops::GraphRef{1});
  node.attributes.set("else_branch", ops::GraphRef{2});
  graph.outputs = {z, branch};
  return model;
}

TEST(Verify, AcceptsASoundModel) { EXPECT_TRUE(verify(sound()).ok()) << verify(sound()).error().message(); }

struct Breakage {
  const char* rule;  // words of the message
  std::function<void(Model&)> apply;
};

TEST(Verify, NamesTheRuleThatBroke) {
  const Breakage kBreakages[] = {
      {"no graph", [](Model& m) { m.graphs.clear(); }},
      {"no operator", [](Model& m) { m.main().nodes[0].op = nullptr; }},
      {"name is taken", [](Model& m) { m.main().nodes[1].name = m.main().nodes[0].name; }},
      {"1 inputs", [](Model& m) { m.main().nodes[0].inputs.pop_back(); }},
      {"input 1 is absent", [](Model& m) { m.main().nodes[0].inputs[1] = kNoValue; }},
      {"2 outputs", [](Model& m) { m.main().nodes[0].outputs.push_back(kNoValue); }},
      {"not produced by an earlier node", [](Model& m) { std::swap(m.main().nodes[0], m.main().nodes[1]); }},
      {"not produced by an earlier node", [](Model& m) { m.main().nodes[0].inputs[0] = 99; }},
      {"output number 99", [](Model& m) { m.main().nodes[0].outputs[0] = 99; }},
      {"another producer", [](Model& m) { m.main().nodes[1].outputs[0] = m.main().nodes[0].outputs[0]; }},
      {"another producer", [](Model& m) { m.main().nodes[1].outputs[0] = m.main().inputs[0]; }},
      {"listed twice", [](Model& m) { m.main().inputs.push_back(m.main().inputs[0]); }},
      {"has no type", [](Model& m) { m.main().value(m.main().inputs[0]).has_type = false; }},
      {"another type than its contents", [](Model& m) { m.main().value(2).type.dtype = DType::kInt32; }},
      {"not produced by anything", [](Model& m) { m.main().nodes.pop_back(); }},
      {"refers to no subgraph", [](Model& m) { m.main().nodes[2].attributes.set("then_branch", ops::GraphRef{0}); }},
      {"refers to no subgraph", [](Model& m) { m.main().nodes[2].attributes.erase("else_branch"); }},
      {"0 outputs", [](Model& m) { m.graphs[1].outputs.clear(); }},
      {"do not match its captures", [](Model& m) { m.main().nodes[2].attributes.set("captures", int64_t{2}); }},
  };
  for (const Breakage& breakage : kBreakages) {
    Model model = sound();
    breakage.apply(model);
    const auto result = verify(model);
    ASSERT_FALSE(result.ok()) << breakage.rule;
    EXPECT_NE(result.error().message().find(breakage.rule), std::string::npos)
        << "wanted '" << breakage.rule << "', got: " << result.error().message();
  }
}

}  // namespace
}  // namespace tercel::graph::testing
