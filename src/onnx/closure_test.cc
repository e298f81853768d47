#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx/testing_model.h"
#include "onnx/testing_samples.h"
#include "ops/control.h"

// Subgraphs and functions: what they see of their surroundings.
namespace tercel::onnx::testing {
namespace {

using graph::kNoValue;

const graph::Node& node_of(const graph::Graph& graph, std::string_view op) {
  for (const graph::Node& node : graph.nodes)
    if (node.is(op)) return node;
  check(false, "no such node");
  __builtin_unreachable();
}

const graph::Graph& subgraph(const graph::Model& model, const graph::Node& node, std::string_view attribute) {
  return model.graphs[node.attributes.get<ops::GraphRef>(attribute)->index];
}

graph::Model sample(std::string_view name) {
  for (const auto& [key, bytes] : sample_models())
    if (key == name) return import_text(bytes).take();
  check(false, "no such sample");
  __builtin_unreachable();
}

TEST(Closure, CapturesBecomeInputsThroughEveryLevel) {
  const graph::Model model = sample("control_flow");
  const graph::Node& loop = node_of(model.main(), "Loop");
  EXPECT_EQ(loop.attributes.get_int(ops::kCaptures, -1), 1) << "x; the constant `two` is copied instead";
  EXPECT_EQ(loop.inputs.size(), 4u);
  EXPECT_EQ(loop.inputs[1], kNoValue);
  EXPECT_EQ(model.main().value(loop.inputs[3]).name, "x");
  const graph::Graph& body = subgraph(model, loop, "body");
  const graph::Node& branch = node_of(body, "If");
  EXPECT_EQ(branch.inputs, (std::vector<graph::ValueId>{body.inputs[1], body.inputs[3]}));
  const graph::Graph& then_graph = subgraph(model, branch, "then_branch");
  ASSERT_EQ(then_graph.inputs.size(), 1u);
  const graph::Node& product = node_of(then_graph, "Mul");
  EXPECT_TRUE(then_graph.constant(product.inputs[1])) << "constants from outside are copied, bytes shared";
  EXPECT_EQ(then_graph.constant(product.inputs[1])->data(), model.main()
                                                                .constant([&] {
                                                                  for (graph::ValueId id = 0; id < model.main().values.size();
                                                                       ++id)
                                                                    if (model.main().value(id).name == "two") return id;
                                                                  return kNoValue;
                                                                }())
                                                                ->data());
}

TEST(Closure, TypesReachTheInnermostGraph) {
  const graph::Model model = sample("control_flow");
  const graph::Graph& body = subgraph(model, node_of(model.main(), "Loop"), "body");
  const graph::Graph& then_graph = subgraph(model, node_of(body, "If"), "then_branch");
  EXPECT_TRUE(then_graph.value(then_graph.outputs[0]).has_type);
  EXPECT_EQ(model.text(then_graph.value(then_graph.outputs[0]).type.shape), "2");
  EXPECT_EQ(model.text(model.main().value(model.main().outputs[1]).type.shape), "?x2");
}

TEST(Closure, BranchesShareOneListOfCaptures) {
  const std::string a = graph({.nodes = {node("Relu", {"p"}, {"t"})}, .outputs = {bare_value_info("t")}});
  const std::string b = graph({.nodes = {node("Relu", {"q"}, {"e"})}, .outputs = {bare_value_info("e")}});
  const graph::Model model =
      import_text(
          onnx::testing::model(
              graph({.nodes = {node("If", {"c"}, {"y"}, {graph_attribute("then_branch", a), graph_attribute("else_branch", b)})},
                     .inputs = {value_info("c", kBool, {}), value_info("p", kFloat, {1}), value_info("q", kFloat, {1})},
                     .outputs = {bare_value_info("y")}})))
          .take();
  const graph::Node& branch = node_of(model.main(), "If");
  EXPECT_EQ(branch.inputs.size(), 3u);
  EXPECT_EQ(subgraph(model, branch, "then_branch").inputs.size(), 2u);
  EXPECT_EQ(subgraph(model, branch, "else_branch").inputs.size(), 2u);
  EXPECT_EQ(subgraph(model, branch, "else_branch").value(subgraph(model, branch, "else_branch").inputs[1]).name, "q");
}

TEST(Functions, ExpandWithAttributesDefaultsAndNames) {
  const graph::Model model = sample("functions");
  const graph::Graph& graph = model.main();
  std::vector<std::string> ops;
  for (const graph::Node& node : graph.nodes) ops.emplace_back(node.op->name);
  EXPECT_EQ(ops, (std::vector<std::string>{"Mul", "Add", "Softmax", "Mul", "Add", "Softmax"}));
  EXPECT_EQ(graph.nodes[0].name, "first/double/y");
  EXPECT_EQ(graph.nodes[2].attributes.get_int("axis", -9), 1) << "the function's default";
  EXPECT_EQ(graph.nodes[5].attributes.get_int("axis", -9), 0) << "the call's own value";
  EXPECT_EQ(graph.value(graph.outputs[0]).name, "y");
  EXPECT_FLOAT_EQ(graph.constant(graph.nodes[0].inputs[1])->as<float>()[0], 2.0f);
}

TEST(Functions, OutputsThatAreInputsAndAbsentInputs) {
  const graph::Model model =
      import_text(
          onnx::testing::model(graph({.nodes = {node("Pass", {"x"}, {"y", "z"}, {}, "local")},
                                      .initializers = {},
                                      .inputs = {value_info("x", kFloat, {1})},
                                      .outputs = {bare_value_info("y"), bare_value_info("z")}}),
                               20,
                               {function({.name = "Pass",
                                          .inputs = {"a", "low"},
                                          .outputs = {"a2", "c"},
                                          .nodes = {node("Clip", {"a", "low"}, {"c"}), node("Identity", {"a"}, {"a2"})}})}))
          .take();
  EXPECT_EQ(node_of(model.main(), "Clip").inputs.size(), 1u);
  const graph::Model direct =
      import_text(onnx::testing::model(graph({.nodes = {node("Same", {"x"}, {"y"}, {}, "local")},
                                              .inputs = {value_info("x", kFloat, {1})},
                                              .outputs = {bare_value_info("y")}}),
                                       20, {function({.name = "Same", .inputs = {"a"}, .outputs = {"a"}})}))
          .take();
  EXPECT_EQ(node_of(direct.main(), "Identity").inputs[0], direct.main().inputs[0]);
}

}  // namespace
}  // namespace tercel::onnx::testing
