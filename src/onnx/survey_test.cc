#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx/testing_model.h"
#include "onnx/testing_samples.h"
#include "onnx/unsupported.h"

namespace tercel::onnx::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<Report> survey_text(const std::string& bytes) {
  const auto owner = std::make_shared<const std::string>(bytes);
  return survey_bytes(std::as_bytes(std::span(*owner)), owner);
}

TEST(Survey, CountsASoundModel) {
  const Report report = survey_text(sample_models()[1].second).take();
  EXPECT_TRUE(report.unsupported.empty());
  EXPECT_EQ(report.operators.at("Conv"), 1);
  EXPECT_EQ(report.operators.size(), 5u);
  EXPECT_EQ(report.parameters, 18 + 2 + 2);
  EXPECT_EQ(report.weight_bytes, 22 * 4);
  EXPECT_EQ(report.opsets.at(""), 9);
  ASSERT_EQ(report.inputs.size(), 1u);
  EXPECT_EQ(report.inputs[0].dtype, "float32");
  EXPECT_THAT(report.inputs[0].shape, ElementsAre("n", "1", "6", "6"));
}

TEST(Survey, CountsInsideOfSubgraphsAndFunctions) {
  EXPECT_EQ(survey_text(sample_models()[3].second)->operators.at("Mul"), 1);
  const Report report = survey_text(sample_models()[4].second).take();
  EXPECT_EQ(report.operators.at("local.Twice"), 2);
  EXPECT_EQ(report.operators.at("Softmax"), 1);
}

TEST(Survey, ListsEveryObstacleOnceAndNothingBehindIt) {
  const std::string branch =
      graph({.nodes = {node("StringSplit", {"x"}, {"t"}, {}, "", "in branch")}, .outputs = {bare_value_info("t")}});
  const Report report =
      survey_text(onnx::testing::model(
                      graph({.nodes = {node("Relu", {"x"}, {"a"}), node("Mystery", {"a"}, {"b"}, {}, "", "first"),
                                       node("Reshape", {"b", "b"}, {"c"}, {}, "", "behind the first"),
                                       node("Cast", {"a"}, {"d"}, {attribute("to", int64_t{17})}, "", "second"),
                                       node("If", {"c"}, {"e"},
                                            {graph_attribute("then_branch", branch), graph_attribute("else_branch", branch)}),
                                       node("Add", {"a", "nowhere"}, {"f"}, {}, "", "third"), node("Relu", {"a"}, {"y"})},
                             .inputs = {value_info("x", kFloat, {2}), value_info("s", kString, {2})},
                             .outputs = {bare_value_info("y"), bare_value_info("z")}})))
          .take();
  std::vector<std::string> where;
  for (const Unsupported& item : report.unsupported) where.push_back(item.where);
  EXPECT_THAT(where, ElementsAre("input 's'", "node 'first' (Mystery)", "node 'second' (Cast)", "node 'in branch' (StringSplit)",
                                 "node 'in branch' (StringSplit)", "node 'third' (Add)", "output 'z'"));
  EXPECT_FALSE(report.unsupported[1].is_damage);
  EXPECT_TRUE(report.unsupported[5].is_damage);
  EXPECT_THAT(report.unsupported[2].reason, HasSubstr("float8e4m3fn"));
}

TEST(Survey, FailsOnlyWhereNothingCanBeRead) {
  EXPECT_FALSE(survey_text("nonsense").ok());
  EXPECT_EQ(survey_text(onnx::testing::model(graph({.outputs = {bare_value_info("y")}}), 3))->unsupported.size(), 1u);
}

}  // namespace
}  // namespace tercel::onnx::testing
