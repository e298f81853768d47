#include "onnx/testing_samples.h"

#include <limits>

#include "onnx/testing_model.h"

namespace tercel::onnx::testing {

namespace {

std::string perceptron() {
  return model(graph({
                   .nodes = {node("MatMul", {"x", "w"}, {"h"}), node("Add", {"h", "b"}, {"s"}), node("Relu", {"s"}, {"r"}),
                             node("Softmax", {"r"}, {"y"}, {attribute("axis", int64_t{1})})},
                   .initializers = {floats("w", {3, 2}, {1, 2, 3, 4, 5, 6}), floats("b", {2}, {0.5f, -0.5f})},
                   .inputs = {value_info("x", kFloat, {"batch", 3})},
                   .outputs = {value_info("y", kFloat, {"batch", 2})},
               }),
               11);
}

std::string convolution() {
  return model(
      graph({
          .nodes = {node("Conv", {"x", "w"}, {"c"}, {attribute("pads", std::vector<int64_t>{1, 1, 1, 1})}),
                    node("BatchNormalization", {"c", "one", "zero", "zero", "one"}, {"n"}, {attribute("epsilon", 1e-3f)}),
                    node("Clip", {"n"}, {"r"}, {attribute("min", 0.0f), attribute("max", 6.0f)}),
                    node("MaxPool", {"r"}, {"p"}, {attribute("kernel_shape", std::vector<int64_t>{2, 2})}),
                    node("ReduceMean", {"p"}, {"y"},
                         {attribute("axes", std::vector<int64_t>{2, 3}), attribute("keepdims", int64_t{0})})},
          .initializers = {floats("w", {2, 1, 3, 3}, std::vector<float>(18, 0.1f)), floats("one", {2}, {1, 1}),
                           floats("zero", {2}, {0, 0})},
          .inputs = {value_info("x", kFloat, {"n", 1, 6, 6})},
          .outputs = {value_info("y", kFloat, {"n", 2})},
      }),
      9);
}

std::string shape_arithmetic() {
  return model(
      graph({
          .nodes = {node("Shape", {"x"}, {"shape"}),
                    node("Gather", {"shape", "zero"}, {"batch"}, {attribute("axis", int64_t{0})}),
                    node("Constant", {}, {"rest"}, {attribute("value_ints", std::vector<int64_t>{-1})}),
                    node("Concat", {"batch", "rest"}, {"target"}, {attribute("axis", int64_t{0})}),
                    node("Reshape", {"x", "target"}, {"flat"}),
                    node("Split", {"flat"}, {"a", "b"}, {attribute("axis", int64_t{1}), attribute("num_outputs", int64_t{2})}),
                    node("Add", {"a", "b"}, {"y"})},
          .initializers = {ints("zero", {1}, {0})},
          .inputs = {value_info("x", kFloat, {"batch", 4, 3})},
          .outputs = {value_info("y", kFloat, {"batch", 6})},
      }),
      18);
}

std::string control_flow() {
  const std::string then_graph = graph({.nodes = {node("Mul", {"x", "two"}, {"t"})}, .outputs = {bare_value_info("t")}}, "then");
  const std::string else_graph = graph({.nodes = {node("Neg", {"x"}, {"e"})}, .outputs = {bare_value_info("e")}}, "else");
  const std::string body = graph(
      {
          .nodes = {node("Identity", {"go"}, {"go_on"}), node("Add", {"sum", "x"}, {"next"}),
                    node("If", {"go"}, {"picked"},
                         {graph_attribute("then_branch", then_graph), graph_attribute("else_branch", else_graph)})},
          .inputs = {bare_value_info("i"), bare_value_info("go"), bare_value_info("sum")},
          .outputs = {bare_value_info("go_on"), bare_value_info("next"), bare_value_info("picked")},
      },
      "body");
  const std::string scan_body = graph(
      {
          .nodes = {node("Add", {"state", "slice"}, {"state_out"}), node("Identity", {"state_out"}, {"slice_out"})},
          .inputs = {bare_value_info("state"), bare_value_info("slice")},
          .outputs = {bare_value_info("state_out"), bare_value_info("slice_out")},
      },
      "scan");
  return model(graph({
      .nodes = {node("Loop", {"trips", "", "x"}, {"last", "all"}, {graph_attribute("body", body)}),
                node("Scan", {"last", "all"}, {"end", "stack"},
                     {graph_attribute("body", scan_body), attribute("num_scan_inputs", int64_t{1})})},
      .initializers = {floats("two", {}, {2}), ints("trips", {}, {3})},
      .inputs = {value_info("x", kFloat, {2})},
      .outputs = {value_info("end", kFloat, {2}), value_info("stack", kFloat, {"trips", 2})},
  }));
}

std::string functions() {
  const std::string inner =
      function({.name = "Scale",
                .inputs = {"x"},
                .outputs = {"y"},
                .attributes = {"by"},
                .nodes = {node("Constant", {}, {"c"}, {reference("value_float", "by", AttributeType::kFloat)}),
                          node("Mul", {"x", "c"}, {"y"})}});
  const std::string outer = function(
      {.name = "Twice",
       .inputs = {"x", "bias"},
       .outputs = {"y"},
       .defaults = {attribute("axis", int64_t{1})},
       .nodes = {node("Scale", {"x"}, {"d"}, {attribute("by", 2.0f)}, "local", "double"), node("Add", {"d", "bias"}, {"s"}),
                 node("Softmax", {"s"}, {"y"}, {reference("axis", "axis", AttributeType::kInt)})}});
  return model(graph({
                   .nodes = {node("Twice", {"x", "x"}, {"h"}, {}, "local", "first"),
                             node("Twice", {"h", "x"}, {"y"}, {attribute("axis", int64_t{0})}, "local")},
                   .inputs = {value_info("x", kFloat, {2, 3})},
                   .outputs = {value_info("y", kFloat, {2, 3})},
               }),
               20, {inner, outer});
}

std::string old_forms() {
  return model(graph({
                   .nodes = {node("Unsqueeze", {"x"}, {"u"}, {attribute("axes", std::vector<int64_t>{0})}),
                             node("Pad", {"u"}, {"p"},
                                  {attribute("pads", std::vector<int64_t>{0, 0, 1, 0, 0, 1}), attribute("value", 1.5f)}),
                             node("Slice", {"p"}, {"s"},
                                  {attribute("starts", std::vector<int64_t>{0}), attribute("ends", std::vector<int64_t>{2}),
                                   attribute("axes", std::vector<int64_t>{2})}),
                             node("TopK", {"s"}, {"values", "places"}, {attribute("k", int64_t{1})}),
                             node("Dropout", {"values"}, {"d"}, {attribute("ratio", 0.5f)}),
                             node("Softmax", {"d"}, {"y"}, {attribute("axis", int64_t{1})})},
                   .inputs = {value_info("x", kFloat, {3, "n"})},
                   .outputs = {value_info("y", kFloat, {1, 3, 1}), value_info("places", kInt64, {1, 3, 1})},
               }),
               7);
}

// A forest of each kind of node list, a product and a lookup of ai.onnx.ml.
std::string classic() {
  using Ints = std::vector<int64_t>;
  using Floats = std::vector<float>;
  const auto trees = node(
      "TreeEnsembleClassifier", {"x"}, {"label", "scores"},
      {attribute("nodes_treeids", Ints{0, 0, 0}), attribute("nodes_nodeids", Ints{0, 1, 2}),
       attribute("nodes_featureids", Ints{1, 0, 0}), attribute("nodes_values", Floats{0.5f, 0, 0}),
       strings_attribute("nodes_modes", {"BRANCH_LT", "LEAF", "LEAF"}), attribute("nodes_truenodeids", Ints{1, 0, 0}),
       attribute("nodes_falsenodeids", Ints{2, 0, 0}), attribute("class_treeids", Ints{0, 0}),
       attribute("class_nodeids", Ints{1, 2}), attribute("class_ids", Ints{0, 0}), attribute("class_weights", Floats{0.25f, -1}),
       attribute("classlabels_int64s", Ints{3, 4}), attribute("post_transform", std::string_view("LOGISTIC"))},
      "ai.onnx.ml");
  const auto members =
      node("TreeEnsemble", {"x"}, {"y"},
           {attribute("nodes_featureids", Ints{0}), attribute("nodes_truenodeids", Ints{0}),
            attribute("nodes_falsenodeids", Ints{1}), attribute("nodes_trueleafs", Ints{1}),
            attribute("nodes_falseleafs", Ints{1}), tensor_attribute("nodes_splits", floats("", {1}, {0})),
            tensor_attribute("nodes_modes", raw_tensor("", kUint8, {1}, "\x06")),
            tensor_attribute("membership_values", floats("", {3}, {1, 2, std::numeric_limits<float>::quiet_NaN()})),
            attribute("leaf_targetids", Ints{0, 0}), tensor_attribute("leaf_weights", floats("", {2}, {1, 2})),
            attribute("tree_roots", Ints{0}), attribute("n_targets", int64_t{1})},
           "ai.onnx.ml");
  const auto vectors = node(
      "SVMClassifier", {"x"}, {"class", "decisions"},
      {attribute("classlabels_ints", Ints{0, 1}), attribute("vectors_per_class", Ints{1, 1}),
       attribute("support_vectors", Floats{1, 2, 3, 4}), attribute("coefficients", Floats{1, -1}), attribute("rho", Floats{0.5f}),
       attribute("kernel_type", std::string_view("RBF")), attribute("kernel_params", Floats{0.5f, 0, 3})},
      "ai.onnx.ml");
  const auto codes = node("LabelEncoder", {"label"}, {"code"},
                          {attribute("keys_int64s", Ints{4, 3}), attribute("values_floats", Floats{1, 2})}, "ai.onnx.ml");
  return model(graph({
      .nodes = {trees, members, vectors, codes},
      .inputs = {value_info("x", kFloat, {"n", 2})},
      .outputs = {value_info("scores", kFloat, {"n", 2}), value_info("y", kFloat, {"n", 1}),
                  value_info("decisions", kFloat, {"n", 2}), value_info("code", kFloat, {"n"})},
  }));
}

}  // namespace

std::vector<std::pair<std::string, std::string>> sample_models() {
  return {{"perceptron", perceptron()},
          {"convolution", convolution()},
          {"shape_arithmetic", shape_arithmetic()},
          {"control_flow", control_flow()},
          {"functions", functions()},
          {"old_forms", old_forms()},
          {"classic", classic()}};
}

}  // namespace tercel::onnx::testing
