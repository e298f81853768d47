#include <gtest/gtest.h>

#include "graph/graph.h"
#include "graph/testing_ops.h"

namespace tercel::graph::testing {
namespace {

std::string type_text(const Model& model, const Graph& graph, ValueId id) {
  return graph.value(id).has_type ? model.text(graph.value(id).type.shape) : "untyped";
}

TEST(Infer, SymbolsFlowThroughShapeArithmetic) {
  Model model;
  Graph& graph = model.graphs.emplace_back();
  const ValueId x = add_input(graph, "x", floats({model.symbol("batch"), Dim(1)}));
  const ValueId w = add_input(graph, "w", floats({Dim(6)}));
  const ValueId sum = graph.add_value("sum"), shape = graph.add_value("shape"), out = graph.add_value("out");
  add_node(graph, kAdd, {x, w}, {sum});
  add_node(graph, kShape, {sum}, {shape});
  add_node(graph, kReshape, {w, shape}, {out});
  graph.outputs = {out};
  ASSERT_TRUE(infer_shapes(model).ok());
  EXPECT_EQ(type_text(model, graph, sum), "batchx6");
  EXPECT_EQ(type_text(model, graph, out), "batchx6");
}

TEST(Infer, ExtentsThatAreAllNumbersServeAsContents) {
  Model model;
  Graph& graph = model.graphs.emplace_back();
  const ValueId x = add_input(graph, "x", floats({Dim(4), Dim(5)}));
  const ValueId shape = graph.add_value("shape"), out = graph.add_value("out");
  add_node(graph, kShape, {x}, {shape});
  add_node(graph, kRepeat, {x, shape}, {out});
  ASSERT_TRUE(infer_shapes(model).ok());
  EXPECT_EQ(type_text(model, graph, out), "4x5");
}

TEST(Infer, DataDependentShapesStayUnknown) {
  Model model;
  Graph& graph = model.graphs.emplace_back();
  const ValueId x = add_input(graph, "x", floats({Dim(4)}));
  const ValueId target = add_input(graph, "target", TensorType{DType::kInt64, {Dim(2)}});
  const ValueId a = graph.add_value("a"), b = graph.add_value("b"), c = graph.add_value("c");
  add_node(graph, kReshape, {x, target}, {a});  // the rule sets the rank before it gives up
  add_node(graph, kRepeat, {x, target}, {b});   // the rule gives up at once
  add_node(graph, kAdd, {b, x}, {c});           // so nothing is known further down
  ASSERT_TRUE(infer_shapes(model).ok());
  EXPECT_EQ(type_text(model, graph, a), "?x?");
  EXPECT_EQ(type_text(model, graph, b), "untyped");
  EXPECT_EQ(type_text(model, graph, c), "untyped");
}

TEST(Infer, AnOutputKeepsItsDeclaredTypeOnlyWhereNothingBetterIsKnown) {
  Model model;
  Graph& graph = model.graphs.emplace_back();
  const ValueId x = add_input(graph, "x", floats({Dim(4)}));
  const ValueId target = add_input(graph, "target", TensorType{DType::kInt64, {Dim(2)}});
  const ValueId free = graph.add_value("free", floats({Dim(7), Dim(8)})), fixed = graph.add_value("fixed", floats({Dim(9)}));
  add_node(graph, kRepeat, {x, target}, {free});
  add_node(graph, kAdd, {x, x}, {fixed});
  graph.outputs = {free, fixed};
  ASSERT_TRUE(infer_shapes(model).ok());
  EXPECT_EQ(type_text(model, graph, free), "7x8");
  EXPECT_EQ(type_text(model, graph, fixed), "4");
}

TEST(Infer, ErrorsNameTheNode) {
  Model model;
  Graph& graph = model.graphs.emplace_back();
  const ValueId x = add_input(graph, "x", floats({Dim(4)})), w = add_input(graph, "w", floats({Dim(3)}));
  add_node(graph, kAdd, {x, w}, {graph.add_value("y")}).name = "sum/\x1b";
  const auto result = infer_shapes(model);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kInvalid);
  EXPECT_NE(result.error().message().find("node 'sum/?' (Add): "), std::string::npos) << result.error().message();
}

// If whose branches return their only capture and the sum of it with a constant.
Model branches(Shape constant_shape, DType constant_type = DType::kFloat32) {
  Model model;
  model.graphs.resize(3);
  Graph& then_graph = model.graphs[1];
  then_graph.outputs = {add_input(then_graph, "capture")};
  Graph& else_graph = model.graphs[2];
  add_input(else_graph, "capture");
  else_graph.outputs = {else_graph.add_constant("zeros", Tensor::zeros(constant_type, constant_shape).value())};
  Graph& main = model.main();
  const ValueId condition = add_input(main, "condition", TensorType{DType::kBool, {}});
  const ValueId x = add_input(main, "x", floats({Dim(2), model.symbol("n")}));
  Node& node = add_node(main, control_op("If"), {condition, x}, {main.add_value("y")});
  node.attributes.set("captures", int64_t{1});
  node.attributes.set("then_branch", ops::GraphRef{1});
  node.attributes.set("else_branch", ops::GraphRef{2});
  main.outputs = node.outputs;
  return model;
}

TEST(InferControl, IfMergesItsBranches) {
  Model model = branches({Dim(2), Dim(5)});
  ASSERT_TRUE(infer_shapes(model).ok());
  EXPECT_EQ(type_text(model, model.main(), model.main().outputs[0]), "2x?");
  model = branches({Dim(2)});
  ASSERT_TRUE(infer_shapes(model).ok());
  EXPECT_EQ(type_text(model, model.main(), model.main().outputs[0]), "untyped");
  model = branches({Dim(2), Dim(5)}, DType::kInt32);
  const auto result = infer_shapes(model);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message().find("(If)"), std::string::npos);
}

// Loop that carries x (grown by `op` with a captured w) and stacks the carried value.
Model loop(const TensorType& x_type, const TensorType& w_type) {
  Model model;
  model.graphs.resize(2);
  Graph& body = model.graphs[1];
  add_input(body, "iteration");
  const ValueId go = add_input(body, "go"), x = add_input(body, "x"), w = add_input(body, "w");
  const ValueId sum = body.add_value("sum");
  add_node(body, kAdd, {x, w}, {sum});
  body.outputs = {go, sum, sum};
  Graph& main = model.main();
  const ValueId trips = add_input(main, "trips", TensorType{DType::kInt64, {}});
  const ValueId x0 = add_input(main, "x0", x_type), w0 = add_input(main, "w0", w_type);
  Node& node = add_node(main, control_op("Loop"), {trips, kNoValue, x0, w0}, {main.add_value("last"), main.add_value("all")});
  node.attributes.set("captures", int64_t{1});
  node.attributes.set("body", ops::GraphRef{1});
  main.outputs = node.outputs;
  return model;
}

TEST(InferControl, LoopKeepsStableTypesAndStacks) {
  Model model = loop(floats({Dim(3), Dim(4)}), floats({Dim(4)}));
  ASSERT_TRUE(verify(model).ok()) << verify(model).error().message();
  ASSERT_TRUE(infer_shapes(model).ok());
  EXPECT_EQ(type_text(model, model.main(), model.main().outputs[0]), "3x4");
  EXPECT_EQ(type_text(model, model.main(), model.main().outputs[1]), "?x3x4");
}

TEST(InferControl, LoopGivesUpExtentsThatChange) {
  Model model = loop(floats({Dim(3), Dim(1)}), floats({Dim(4)}));  // 3x1 before, 3x4 after the first iteration
  ASSERT_TRUE(infer_shapes(model).ok());
  EXPECT_EQ(type_text(model, model.main(), model.main().outputs[0]), "3x?");
  model = loop(floats({}), floats({Dim(4)}));  // the rank changes
  ASSERT_TRUE(infer_shapes(model).ok());
  EXPECT_EQ(type_text(model, model.main(), model.main().outputs[0]), "untyped");
}

TEST(InferControl, ScanSlicesAndStacksAlongItsAxes) {
  Model model;
  model.graphs.resize(2);
  Graph& body = model.graphs[1];
  const ValueId state = add_input(body, "state"), slice = add_input(body, "slice"), sum = body.add_value("sum");
  add_node(body, kAdd, {state, slice}, {sum});
  body.outputs = {sum, sum};
  Graph& main = model.main();
  const ValueId state0 = add_input(main, "state0", floats({Dim(2), Dim(3)}));
  const ValueId x = add_input(main, "x", floats({Dim(2), model.symbol("time"), Dim(3)}));
  Node& node = add_node(main, control_op("Scan"), {state0, x}, {main.add_value("last"), main.add_value("all")});
  node.attributes.set("num_scan_inputs", int64_t{1});
  node.attributes.set("scan_input_axes", std::vector<int64_t>{1});
  node.attributes.set("scan_output_axes", std::vector<int64_t>{-1});
  node.attributes.set("body", ops::GraphRef{1});
  main.outputs = node.outputs;
  ASSERT_TRUE(verify(model).ok()) << verify(model).error().message();
  ASSERT_TRUE(infer_shapes(model).ok());
  EXPECT_EQ(type_text(model, main, main.outputs[0]), "2x3");
  EXPECT_EQ(type_text(model, main, main.outputs[1]), "2x3xtime");
}

}  // namespace
}  // namespace tercel::graph::testing
