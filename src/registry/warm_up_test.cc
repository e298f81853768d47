#include "registry/warm_up.h"

#include <gtest/gtest.h>

#include "engine/test_program.h"
#include "registry/plan_opener.h"

namespace tercel::registry {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

// Input x of `batch` x 3 and an output y that `make` adds and returns.
template <typename Make>
std::shared_ptr<plan::Program> program_with(Make make, const Shape& y = {Dim::symbol(0), Dim(3)}, int64_t low = 1) {
  engine::GraphMaker main;
  const auto x = main.input("x", DType::kFloat32, {Dim::symbol(0), Dim(3)});
  const auto out = make(main, x);
  main.declare(out, DType::kFloat32, y);
  main.output(out);
  auto program = engine::program_of(std::move(main), {"batch"});
  program->profile = {{.name = "x", .dtype = DType::kFloat32, .low = {low, 3}, .high = {20, 3}, .axis_names = {"batch", ""}}};
  return program;
}

plan::ValueId doubled(engine::GraphMaker& main, plan::ValueId x) { return main.node("Add", {x, x}); }
plan::ValueId summed_over_rows(engine::GraphMaker& main, plan::ValueId x) { return main.node("CumSum", {x, main.scalar(0)}); }

OpenedVariant variant_of(const std::shared_ptr<plan::Program>& program, std::vector<uint32_t> threads) {
  OpenedVariant variant;
  for (const uint32_t count : threads) {
    auto session = engine::Session::open(program, {.threads = static_cast<int>(count)}).take();
    variant.groups.push_back({.threads = count, .instances = {}});
    variant.groups.back().instances.push_back(make_instance(std::move(session)));
  }
  return variant;
}

TEST(WarmUp, KnowsWhichPlansMayBatch) {
  EXPECT_EQ(batch_rows_of(*program_with(doubled)), 20);
  EXPECT_EQ(batch_rows_of(*program_with(doubled, {Dim::unknown(), Dim(3)})), 0) << "an output that may have other rows";
  EXPECT_EQ(batch_rows_of(*program_with(doubled, {Dim(3), Dim::symbol(0)})), 0) << "an output with the rows elsewhere";
  EXPECT_EQ(batch_rows_of(*program_with(doubled, {Dim::symbol(0), Dim(3)}, 2)), 0) << "never one row alone";
}

TEST(WarmUp, FindsRowsThatInfluenceEachOther) {
  const auto apart = variant_of(program_with(doubled), {1}), together = variant_of(program_with(summed_over_rows), {1});
  EXPECT_TRUE(*rows_are_independent(*apart.groups[0].instances[0], *program_with(doubled)));
  EXPECT_FALSE(*rows_are_independent(*together.groups[0].instances[0], *program_with(summed_over_rows)));
}

TEST(WarmUp, PreparesEveryBatchAndMeasuresSome) {
  const auto program = program_with(doubled);
  OpenedVariant variant = variant_of(program, {1, 2});
  ASSERT_TRUE(warm_up(variant, *program, 6, kSecond).ok());
  ASSERT_EQ(variant.costs.size(), 6u) << "1, 2 and 4 rows on 1 and 2 threads";
  for (const MeasuredCost& cost : variant.costs) {
    EXPECT_GT(cost.p50_ns, 0);
    EXPECT_GE(cost.longest_ns, cost.p50_ns);
  }
  const std::vector<float> values(3 * 7);
  for (int64_t rows = 1; rows <= 7; ++rows) {
    request::InferRequest request;
    request.inputs = {{{DType::kFloat32, {Dim(rows), Dim(3)}}, values.data()}};
    for (const auto& group : variant.groups) EXPECT_EQ(group.instances[0]->is_warm(request), rows <= 6) << rows;
  }
}

TEST(WarmUp, MeasuresOneRowHoweverShortTheTime) {
  const auto program = program_with(doubled);
  OpenedVariant variant = variant_of(program, {1});
  ASSERT_TRUE(warm_up(variant, *program, 8, 0).ok());
  ASSERT_EQ(variant.costs.size(), 1u);
  EXPECT_EQ(variant.costs[0].rows, 1u);
}

}  // namespace
}  // namespace tercel::registry
