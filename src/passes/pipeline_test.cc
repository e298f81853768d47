#include "passes/pipeline.h"

#include <set>

#include "passes/testing.h"

namespace tercel::passes::testing {
namespace {

Model small_model() {
  Builder b;
  b.output(b.node("Relu", {b.node("Identity", {b.linear(b.input("x", {b.symbol("n"), 4}), 4, 6)})}), "y");
  return b.model;
}

TEST(Pipeline, NamesAreUniqueAndDescriptionsAreSentences) {
  std::set<std::string_view> names;
  for (const Pass& pass : all_passes()) {
    EXPECT_TRUE(names.insert(pass.name).second) << pass.name;
    EXPECT_TRUE(pass.description.ends_with('.')) << pass.name;
    EXPECT_EQ(pass.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string_view::npos) << pass.name;
  }
}

TEST(Pipeline, ReportsEveryPassInOrder) {
  Model model = small_model();
  const auto report = run_passes(model, {});
  ASSERT_TRUE(report) << report.error().message();
  ASSERT_EQ(report->passes.size(), all_passes().size());
  int changes = 0;
  for (size_t i = 0; i < report->passes.size(); ++i) {
    EXPECT_EQ(report->passes[i].name, all_passes()[i].name);
    EXPECT_GE(report->passes[i].ms, 0);
    changes += report->passes[i].changes;
  }
  EXPECT_GE(changes, 4);
  EXPECT_EQ(model.main().nodes.size(), 1u);
}

TEST(Pipeline, DisabledPassesDoNotRun) {
  Model model = small_model();
  const auto report = run_passes(model, {.disabled = {"lower-dense", "remove-identities"}});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->passes.size(), all_passes().size() - 2);
  EXPECT_EQ(count(model, "Identity"), 1);
  EXPECT_EQ(count(model, "tercel.Dense"), 0);
}

TEST(Pipeline, DumpsOnceAfterTheNamedPass) {
  for (const bool disabled : {false, true}) {
    Model model = small_model();
    int dumps = 0;
    PassOptions options{.dump_after = "lower-dense", .dump = [&](const Model& at) {
                          ++dumps;
                          EXPECT_EQ(count(at, "tercel.Dense"), disabled ? 0 : 1);
                          EXPECT_EQ(count(at, "Relu"), 1);
                        }};
    if (disabled) options.disabled = {"lower-dense"};
    ASSERT_TRUE(run_passes(model, options));
    EXPECT_EQ(dumps, 1);
  }
}

TEST(Pipeline, UnknownNamesAreErrorsThatListTheValidOnes) {
  for (const PassOptions& options : {PassOptions{.disabled = {"fold-constant"}}, PassOptions{.dump_after = "nothing"}}) {
    Model model = small_model();
    const auto report = run_passes(model, options);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code(), ErrorCode::kNotFound);
    EXPECT_NE(report.error().message().find("fuse-elementwise"), std::string::npos);
  }
}

TEST(Pipeline, APassThatBreaksTheModelIsNamed) {
  Model model = small_model();
  ASSERT_TRUE(graph::infer_shapes(model));
  const Pass vandal{"vandal", "Breaks things.", [](Model& m) -> Result<int> {
                      m.main().nodes[0].inputs.clear();
                      return 1;
                    }};
  const auto report = run_pass(vandal, model);
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message().find("pass vandal"), std::string::npos) << report.error().message();
}

TEST(Pipeline, AModelThatDoesNotInferIsAnError) {
  Builder b;
  b.output(b.node("MatMul", {b.input("x", {2, 3}), b.weight({4, 5})}), "y");
  EXPECT_FALSE(run_passes(b.model, {}));
}

TEST(TraceShapes, ExtentsComeFromTheInputs) {
  Builder b;
  const ValueId x = b.input("x", {b.symbol("batch"), b.symbol("sequence"), 4});
  const ValueId y = b.linear(x, 4, 6), z = b.node("Exp", {y});
  const ValueId batch = b.node("Slice", {b.node("Shape", {z}), b.integers({0}), b.integers({1})});
  b.output(b.node("Reshape", {z, b.node("Concat", {batch, b.integers({-1})}, {{"axis", int64_t{0}}})}), "z");
  b.output(b.node("Shape", {y}), "shape");
  const Model before = b.model;
  EXPECT_EQ(apply(b.model, trace_shapes), 2);
  for (const auto& node : b.model.main().nodes)
    if (node.is("Shape")) EXPECT_EQ(node.inputs[0], x);
  expect_same(before, b.model, {{"batch", 2}, {"sequence", 3}});
  EXPECT_EQ(apply(b.model, trace_shapes), 0);
}

TEST(TraceShapes, UnknownExtentsStay) {
  Builder b;
  const ValueId x = b.input("x", {1, 3, b.symbol("h"), b.symbol("w")});
  b.output(b.node("Shape", {b.conv(x, 3, 4, 3, {{"strides", ints({2, 2})}})}), "shape");
  EXPECT_EQ(apply(b.model, trace_shapes), 0);
}

}  // namespace
}  // namespace tercel::passes::testing
