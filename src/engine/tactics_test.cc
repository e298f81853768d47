#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/profile.h"
#include "engine/test_program.h"
#include "kernels/kernel.h"
#include "plan/plan.h"

// What a plan's tuned section decides, and what happens where it does not fit this build, host or shape.
namespace tercel::engine {
namespace {

using testing::HasSubstr;

constexpr std::string_view kPortableDense = "dense/gemm-portable", kReference = "tercel.dense/ref";

std::shared_ptr<plan::Program> dense_program() {
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim::symbol(0), Dim(4)});
  std::vector<float> weights;
  for (int i = 0; i < 12; ++i) weights.push_back(static_cast<float>(i) - 5);
  g.output(g.node("tercel.Dense", {x, g.floats({Dim(4), Dim(3)}, weights)}));
  return program_of(std::move(g), {"batch"});
}

plan::TunedSection section_of(platform::Isa isa, std::vector<std::pair<int64_t, std::string_view>> buckets) {
  plan::TunedSection section;
  section.isa = isa;
  for (const auto& [batch, tactic] : buckets) {
    section.buckets.push_back({.input_shapes = {{batch, 4}}, .tactics = {static_cast<uint32_t>(section.tactic_names.size())}});
    section.tactic_names.emplace_back(tactic);
  }
  return section;
}

std::string tactic_at(Session& session, int64_t batch) {
  return session.steps(*session.bind(std::vector<Shape>{{Dim(batch), Dim(4)}}).value())[0].tactic;
}

std::vector<float> answer(Session& session) {
  return floats_of(run_once_for_test(session, {tensor_of({Dim(2), Dim(4)}, {1, 2, 3, 4, 5, 6, 7, 8})}).value()[0]);
}

std::unique_ptr<Session> open(const std::shared_ptr<plan::Program>& program) {
  return Session::open(plan::write_in_memory(*program).take(), {.threads = 1}).take();
}

TEST(Tactics, ComeFromTheNearestBucket) {
  const auto program = dense_program();
  program->tuned = {section_of(platform::kPortable, {{2, kReference}, {8, kPortableDense}})};
  const auto session = open(program);
  EXPECT_EQ(tactic_at(*session, 1), kReference);
  EXPECT_EQ(tactic_at(*session, 2), kReference);
  EXPECT_EQ(tactic_at(*session, 3), kPortableDense);
  EXPECT_EQ(tactic_at(*session, 100), kPortableDense);  // beyond the last: the last
}

TEST(Tactics, WithoutTuningTheFirstRowThatAcceptsRuns) {
  const auto session = open(dense_program());
  EXPECT_THAT(session->notice(), HasSubstr("was not tuned"));
  const std::string tactic = tactic_at(*session, 1);
  EXPECT_NE(tactic, kReference);
  const auto program = dense_program();
  program->tuned = {section_of(platform::kPortable, {{1, kReference}})};
  EXPECT_EQ(answer(*session), answer(*open(program)));
}

TEST(Tactics, APlanTunedForAnotherHostRunsAndSaysSo) {
  const auto program = dense_program();
  const platform::Isa other{.avx2 = true, .avx512 = true, .avx512_vnni = true, .avx512_fp16 = true};
  if (platform::host_isa().covers(other)) GTEST_SKIP() << "this host has every ISA there is a name for";
  program->tuned = {section_of(other, {{1, kReference}})};
  const auto session = open(program);
  EXPECT_THAT(session->notice(), HasSubstr("tuned for avx512_vnni_fp16, this host has"));
  EXPECT_NE(tactic_at(*session, 1), kReference);
  EXPECT_EQ(answer(*session), answer(*open(dense_program())));
}

TEST(Tactics, TheSectionThatUsesMostOfTheHostWins) {
  const auto program = dense_program();
  program->tuned = {section_of(platform::kPortable, {{1, kReference}}), section_of(platform::host_isa(), {{1, kPortableDense}})};
  const auto session = open(program);
  EXPECT_EQ(session->notice(), platform::host_isa() == platform::kPortable ? session->notice() : "");
  EXPECT_EQ(best_section(*program, platform::host_isa())->isa, platform::host_isa());
  EXPECT_EQ(best_section(*program, platform::kPortable), &program->tuned[0]);
}

TEST(Tactics, UnknownTacticsAreReportedAndReplaced) {
  const auto program = dense_program();
  program->tuned = {section_of(platform::host_isa(), {{1, "dense/of-another-build"}})};
  const auto session = open(program);
  EXPECT_THAT(session->notice(), HasSubstr("1 of 1 tactics of the plan are not in this build"));
  EXPECT_EQ(answer(*session), answer(*open(dense_program())));
}

TEST(Tactics, ATacticOfAnotherOperatorIsIgnored) {
  const auto program = dense_program();
  program->tuned = {section_of(platform::host_isa(), {{1, "relu/ref"}})};
  ASSERT_NE(kernels::find_row("relu/ref"), nullptr);
  EXPECT_EQ(answer(*open(program)), answer(*open(dense_program())));
}

TEST(Tactics, PackedWeightsOfThePlanAreUsed) {
  const kernels::KernelRow* row = kernels::find_row(kPortableDense);
  ASSERT_NE(row, nullptr);
  ASSERT_NE(row->packing, nullptr);
  const auto program = dense_program();
  program->tuned = {section_of(platform::kPortable, {{1, kPortableDense}})};
  const auto packed_here = answer(*open(program));

  // Packed weights that are all zero give answers that are: so they were the ones in use.
  const std::vector<kernels::StepContext::Operand> inputs{
      {.present = true, .type = {DType::kFloat32, {Dim(1), Dim(4)}}},
      {.present = true, .type = program->main().values[1].type, .value = &program->main().values[1].constant}};
  const std::vector<kernels::StepContext::Operand> outputs{{.present = true, .type = {DType::kFloat32, {Dim(1), Dim(3)}}}};
  const kernels::StepContext context{program->main().nodes[0].attributes, inputs, outputs, platform::kPortable, 1, {}};
  std::vector<std::byte> zeros(row->packing->bytes(context));
  program->tuned[0].packed = {{0, 0, std::string(row->packing->format), zeros}};
  EXPECT_EQ(answer(*open(program)), std::vector<float>(6, 0.0f));

  // Of a size this build does not expect: packed anew.
  zeros.push_back(std::byte{0});
  program->tuned[0].packed[0].bytes = zeros;
  EXPECT_EQ(answer(*open(program)), packed_here);
}

}  // namespace
}  // namespace tercel::engine
