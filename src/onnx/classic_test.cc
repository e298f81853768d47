// ai.onnx.ml: what its operators become, and what is refused by the name of the tree, the node or the label.
#include <gtest/gtest.h>

#include <cmath>

#include "onnx/operators.h"
#include "onnx/testing_model.h"
#include "ops/forest.h"

namespace tercel::onnx::testing {
namespace {

using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;

// Two trees of three nodes each; an entry replaces an attribute.
struct Trees {
  Ints tree_ids{0, 0, 0, 1, 1, 1}, node_ids{0, 1, 2, 0, 1, 2}, features{0, 0, 0, 1, 0, 0};
  Floats values{0.5f, 0, 0, 0, 0, 0};
  std::vector<std::string> modes{"BRANCH_LEQ", "LEAF", "LEAF", "BRANCH_LT", "LEAF", "LEAF"};
  Ints yes{1, 0, 0, 1, 0, 0}, no{2, 0, 0, 2, 0, 0};
  Ints weight_trees{0, 0, 1, 1}, weight_nodes{1, 2, 1, 2}, weight_ids{0, 0, 0, 0};
  Floats weights{1, 2, 3, 4};
};

std::string classifier(const Trees& t, const std::vector<std::string>& more) {
  std::vector<std::string> all{attribute("nodes_treeids", t.tree_ids),     attribute("nodes_nodeids", t.node_ids),
                               attribute("nodes_featureids", t.features),  attribute("nodes_values", t.values),
                               strings_attribute("nodes_modes", t.modes),  attribute("nodes_truenodeids", t.yes),
                               attribute("nodes_falsenodeids", t.no),      attribute("class_treeids", t.weight_trees),
                               attribute("class_nodeids", t.weight_nodes), attribute("class_ids", t.weight_ids),
                               attribute("class_weights", t.weights)};
  all.insert(all.end(), more.begin(), more.end());
  return model(graph({.nodes = {node("TreeEnsembleClassifier", {"x"}, {"label", "scores"}, all, "ai.onnx.ml")},
                      .inputs = {value_info("x", kFloat, {"n", 2})},
                      .outputs = {bare_value_info("label"), bare_value_info("scores")}}));
}
const std::string kLabels = attribute("classlabels_int64s", Ints{5, 6});

void expect_refused(const Trees& trees, std::string_view says, const std::string& labels = kLabels) {
  const auto result = import_text(classifier(trees, {labels}));
  ASSERT_FALSE(result.ok()) << says;
  EXPECT_NE(result.error().message().find(says), std::string::npos) << result.error().message();
}

TEST(Classic, TreesBecomeTables) {
  const auto result = import_text(classifier(Trees{}, {kLabels}));
  ASSERT_TRUE(result.ok()) << result.error().message();
  const graph::Graph& main = result->graphs[0];
  ASSERT_EQ(main.nodes.size(), 2u);
  EXPECT_EQ(main.nodes[0].op->name, "tercel.TreeEnsemble");
  EXPECT_EQ(main.nodes[1].op->name, "tercel.ClassScores");
  const Tensor& splits = *main.constant(main.nodes[0].inputs[1]);
  const std::vector<int32_t> wanted{0, 0, -1, -2, 1, 0, -3, -4};
  EXPECT_EQ(std::vector<int32_t>(splits.as<int32_t>(), splits.as<int32_t>() + 8), wanted);
  const Tensor& thresholds = *main.constant(main.nodes[0].inputs[2]);
  EXPECT_EQ(thresholds.as<float>()[0], 0.5f);
  EXPECT_LT(thresholds.as<float>()[1], 0);  // x < 0 is x <= the number before
}

// Whether a row takes the true branch of a one-split tree, by the tables that the importer makes of it.
bool takes_true_branch(const std::string& mode, bool missing, float threshold, float x) {
  Trees t;
  t.tree_ids = t.features = {0, 0, 0};
  t.node_ids = {0, 1, 2};
  t.values = {threshold, 0, 0};
  t.modes = {mode, "LEAF", "LEAF"};
  t.yes = {1, 0, 0};
  t.no = {2, 0, 0};
  t.weight_trees = t.weight_ids = {0, 0};
  t.weight_nodes = {1, 2};
  t.weights = {1, 0};
  const auto model = import_text(classifier(t, {kLabels, attribute("nodes_missing_value_tracks_true", Ints{missing, 0, 0})}));
  if (!model) {
    ADD_FAILURE() << model.error().message();
    return false;
  }
  const graph::Graph& main = model->graphs[0];
  const Tensor* tables[7] = {};
  for (size_t i = 0; i < 6; ++i) tables[i] = main.constant(main.nodes[0].inputs[i + 1]);
  const auto forest = ops::forest_of<float>(main.nodes[0].attributes, tables, 2).value();
  const float row[] = {x, 0};
  return forest.leaf_weights[static_cast<size_t>(forest.leaf_of(row, forest.roots[0]))] == 1;
}

TEST(Classic, EveryModeTakesItsBranch) {
  const std::pair<std::string, bool (*)(float, float)> modes[] = {
      {"BRANCH_LEQ", [](float x, float t) { return x <= t; }}, {"BRANCH_LT", [](float x, float t) { return x < t; }},
      {"BRANCH_GTE", [](float x, float t) { return x >= t; }}, {"BRANCH_GT", [](float x, float t) { return x > t; }},
      {"BRANCH_EQ", [](float x, float t) { return x == t; }},  {"BRANCH_NEQ", [](float x, float t) { return x != t; }}};
  for (const auto& [mode, holds] : modes)
    for (const float threshold : {-1.5f, 0.0f, 1e-38f * 2, 3e38f})
      for (const float x : {-INFINITY, std::nextafter(threshold, -INFINITY), threshold, std::nextafter(threshold, INFINITY),
                            -2.0f, 2.0f, INFINITY, NAN})
        for (const bool missing : {false, true}) {
          if (x != 0 && std::fabs(x) < 1.17549435e-38f) continue;  // denormals count as zero
          EXPECT_EQ(takes_true_branch(mode, missing, threshold, x), holds(x, threshold) || (missing && std::isnan(x)))
              << mode << " " << threshold << ", x " << x << ", missing " << missing;
        }
}

TEST(Classic, BadTreesAreRefusedByName) {
  Trees trees;
  trees.yes[3] = 7;
  expect_refused(trees, "node 0 of tree 1 leads to node 7");
  trees = {};
  trees.no[0] = 1;
  expect_refused(trees, "tree 0 has two roots");
  trees = {};
  trees.modes[1] = "BRANCH_LEQ";
  trees.yes[1] = trees.no[1] = 0;
  expect_refused(trees, "tree 0 has no root");
  trees = {};
  trees.modes[1] = "BRANCH_LEQ";
  trees.yes[1] = trees.no[1] = 2;
  trees.modes[2] = "BRANCH_LEQ";
  trees.yes[2] = trees.no[2] = 1;
  expect_refused(trees, "of tree 0 is reached twice");
  trees = {};
  trees.features[3] = 2;
  expect_refused(trees, "node 0 of tree 1 tests feature 2, the rows have 2 (0 to 1)");
  trees = {};
  trees.values[0] = NAN;
  expect_refused(trees, "node 0 of tree 0 compares with NaN");
  trees = {};
  trees.modes[2] = "LEAVES";
  expect_refused(trees, "node 2 of tree 0 has an unknown mode");
  trees = {};
  trees.node_ids[5] = 1;
  expect_refused(trees, "node 1 of tree 1 is listed twice");
  trees = {};
  trees.features.pop_back();
  expect_refused(trees, "'nodes_featureids' lists 5 values for 6 nodes");
}

TEST(Classic, BadWeightsAndLabelsAreRefused) {
  Trees trees;
  trees.weight_nodes[1] = 9;
  expect_refused(trees, "the class weight 1 is of node 9 of tree 0");
  trees = {};
  trees.weight_ids[2] = 2;
  expect_refused(trees, "the class weight 2 is for class 2, there are 2");
  expect_refused(Trees{}, "its class labels are strings", strings_attribute("classlabels_strings", {"no", "yes"}));
  expect_refused(Trees{}, "it has no class labels", attribute("base_values", Floats{0}));
}

struct Single {
  std::string op, says;
  std::vector<std::string> attributes;
};

TEST(Classic, BadAttributesAreRefused) {
  const Single cases[] = {
      {"LinearClassifier",
       "no multiple of the 2 rows",
       {attribute("coefficients", Floats{1, 2, 3}), attribute("classlabels_ints", Ints{0, 1})}},
      {"LinearRegressor",
       "'intercepts' lists 2 values for 1 sums",
       {attribute("coefficients", Floats{1, 2}), attribute("intercepts", Floats{1, 2})}},
      {"Normalizer", "'norm' must be MAX, L1 or L2", {attribute("norm", std::string_view("L3"))}},
      {"OneHotEncoder", "'cats_int64s' lists nothing", {}},
      {"OneHotEncoder", "categories are strings", {strings_attribute("cats_strings", {"a"})}},
      {"LabelEncoder",
       "its keys are int64, its input is float32",
       {attribute("keys_int64s", Ints{1}), attribute("values_int64s", Ints{1})}},
      {"LabelEncoder",
       "its values are strings",
       {attribute("keys_floats", Floats{1}), strings_attribute("values_strings", {"a"})}},
      {"LabelEncoder", "its keys are strings", {strings_attribute("classes_strings", {"a"})}},
      {"LabelEncoder", "of equal number", {attribute("keys_floats", Floats{1}), attribute("values_floats", Floats{1, 2})}},
      {"SVMRegressor", "'rho' lists nothing", {attribute("coefficients", Floats{1, 2})}},
      {"SVMClassifier",
       "one count for each class",
       {attribute("classlabels_ints", Ints{0, 1}), attribute("vectors_per_class", Ints{1}), attribute("rho", Floats{0})}},
      {"TreeEnsemble", "'nodes_truenodeids' lists 0 values for 1 nodes", {attribute("nodes_featureids", Ints{0})}},
      {"TreeEnsemble", "'aggregate_function' has the unknown value 9", {attribute("aggregate_function", int64_t{9})}},
      {"Imputer", "'imputed_value_floats' lists nothing", {}},
      {"DictVectorizer", "maps and strings", {}},
      {"Nothing", "no such operator in versions 1 to 5", {}},
  };
  for (const Single& c : cases) {
    const auto result = import_text(model(graph({.nodes = {node(c.op, {"x"}, {"y"}, c.attributes, "ai.onnx.ml")},
                                                 .inputs = {value_info("x", kFloat, {"n", 2})},
                                                 .outputs = {bare_value_info("y")}})));
    ASSERT_FALSE(result.ok()) << c.op << ": " << c.says;
    EXPECT_NE(result.error().message().find(c.says), std::string::npos) << result.error().message();
  }
}

}  // namespace
}  // namespace tercel::onnx::testing
