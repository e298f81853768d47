#include "planner/tactics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "planner/sample_step.h"

namespace tercel::planner {
namespace {

Tensor floats(const Shape& shape, std::vector<float> values) { return Tensor::of<float>(DType::kFloat32, shape, values); }

TEST(RelativeDifference, ComparesToTheLargestMagnitude) {
  const Tensor reference = floats(Shape{3}, {1, -4, 0});
  EXPECT_EQ(relative_difference(reference, reference), 0);
  EXPECT_NEAR(relative_difference(floats(Shape{3}, {1, -4, 0.004f}), reference), 0.001, 1e-9);
}

TEST(RelativeDifference, NaNsAndInfinitiesMustStandAtTheSamePlaces) {
  const Tensor reference = floats(Shape{3}, {NAN, INFINITY, 1});
  EXPECT_EQ(relative_difference(reference, reference), 0);
  EXPECT_TRUE(std::isinf(relative_difference(floats(Shape{3}, {0, INFINITY, 1}), reference)));
  EXPECT_TRUE(std::isinf(relative_difference(floats(Shape{3}, {NAN, -INFINITY, 1}), reference)));
}

TEST(RelativeDifference, IntegersAreEqualOrNot) {
  const std::vector<int64_t> a = {1, 2}, b = {1, 3};
  EXPECT_EQ(relative_difference(Tensor::of<int64_t>(DType::kInt64, Shape{2}, a), Tensor::of<int64_t>(DType::kInt64, Shape{2}, b)),
            1);
}

// A graph of one tercel.Dense step with random weights.
struct DenseGraph {
  graph::Model model;
  DenseGraph(int64_t m, int64_t k, int64_t n) {
    model.graphs.emplace_back();
    graph::Graph& main = model.main();
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    Tensor weight = Tensor::zeros(DType::kFloat32, Shape{k, n}).value();
    for (int64_t i = 0; i < k * n; ++i) weight.mutable_as<float>()[i] = normal(random);
    const auto x = main.add_value("x", TensorType{DType::kFloat32, Shape{m, k}});
    const auto w = main.add_constant("w", weight);
    const auto y = main.add_value("y", TensorType{DType::kFloat32, Shape{m, n}});
    main.inputs = {x};
    main.outputs = {y};
    graph::Node node;
    node.op = ops::find_op("tercel.Dense");
    node.name = "dense";
    node.inputs = {x, w};
    node.outputs = {y};
    main.nodes.push_back(node);
    main.value(x).has_type = main.value(y).has_type = main.value(w).has_type = true;
  }
};

TEST(TacticChooser, PicksARowThatAgreesWithTheReference) {
  for (const platform::Isa& isa : {platform::kPortable, platform::host_isa()}) {
    DenseGraph g(5, 33, 17);
    TacticChooser chooser({isa, 5});
    const auto choice = chooser.choose(g.model.main(), g.model.main().nodes[0]);
    ASSERT_TRUE(choice.ok()) << choice.error().message();
    ASSERT_NE(choice->row, nullptr);
    EXPECT_TRUE(isa.covers(choice->row->needs));
    EXPECT_GT(choice->step_us, 0);
    for (const auto& [tactic, sentence] : choice->refused) EXPECT_FALSE(sentence.empty()) << tactic;
  }
}

TEST(TacticChooser, EqualStepsAreTimedOnce) {
  DenseGraph g(5, 64, 64);
  TacticChooser chooser({platform::host_isa(), 5});
  const auto first = chooser.choose(g.model.main(), g.model.main().nodes[0]);
  const double spent = chooser.seconds_spent();
  const auto second = chooser.choose(g.model.main(), g.model.main().nodes[0]);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->row, second->row);
  EXPECT_EQ(first->step_us, second->step_us);
  EXPECT_LT(chooser.seconds_spent() - spent, spent);
}

TEST(TacticChooser, WithoutBudgetTheFirstAcceptingRowIsTaken) {
  DenseGraph g(5, 64, 64);
  TacticChooser chooser({platform::host_isa(), 0});
  const auto choice = chooser.choose(g.model.main(), g.model.main().nodes[0]);
  ASSERT_TRUE(choice.ok());
  ASSERT_NE(choice->row, nullptr);
  EXPECT_LT(choice->step_us, 0);
}

TEST(TacticChooser, UnknownExtentsGetNoRow) {
  DenseGraph g(5, 64, 64);
  g.model.main().value(g.model.main().inputs[0]).type.shape[0] = Dim::unknown();
  TacticChooser chooser({platform::host_isa(), 1});
  const auto choice = chooser.choose(g.model.main(), g.model.main().nodes[0]);
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ(choice->row, nullptr);
}

}  // namespace
}  // namespace tercel::planner
