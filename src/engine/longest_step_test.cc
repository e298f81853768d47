#include "engine/longest_step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/test_program.h"
#include "platform/clock.h"

namespace tercel::engine {
namespace {

constexpr int64_t kElements = 1 << 17;
constexpr int kRuns = 5;

struct Measured {
  LongestStep longest;
  int64_t run_ns;  // the best of a few
};

Measured measure(std::shared_ptr<const plan::Program> program, const Shape& shape, int threads = 1) {
  const auto session = Session::open(std::move(program), {.threads = threads}).take();
  const Binding& binding = *session->bind({&shape, 1}).value();
  std::vector<float> data(static_cast<size_t>(shape.elements()));
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<float>(i * 7919 % 104729);
  const InputView input{{DType::kFloat32, shape}, data.data()};
  std::vector<OutputView> outputs(session->output_types(binding).size());
  Measured measured{measure_longest_step(*session, binding, {&input, 1}, outputs, kRuns).take(), INT64_MAX};
  for (int run = 0; run < kRuns; ++run) {
    const int64_t start = platform::now_ns();
    EXPECT_TRUE(session->run(binding, {&input, 1}, {}, outputs).ok());
    measured.run_ns = std::min(measured.run_ns, platform::now_ns() - start);
  }
  return measured;
}

// A step that no kernel cuts, between small ones.
TEST(LongestStep, IsTheStepThatCannotBeStopped) {
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim(kElements)});
  const auto sorted = g.nodes("TopK", {g.node("Relu", {x}), g.ints({kElements / 2})}, 2)[0];
  g.output(g.node("Neg", {sorted}));
  const std::string name = g.graph.nodes[1].name;
  const Measured m = measure(program_of(std::move(g)), {Dim(kElements)});
  EXPECT_EQ(m.longest.node, name);
  EXPECT_GT(m.longest.ns, m.run_ns / 8);  // nearly all of it, on a machine that nobody else uses
}

TEST(LongestStep, IsAPartOfARunOfManySteps) {
  GraphMaker g;
  plan::ValueId y = g.input("x", DType::kFloat32, {Dim(1 << 16)});
  for (int i = 0; i < 64; ++i) y = g.node("Exp", {g.node("Neg", {y})});
  g.output(y);
  const Measured m = measure(program_of(std::move(g)), {Dim(1 << 16)});
  EXPECT_GT(m.longest.ns, 0);
  EXPECT_LT(m.longest.ns, m.run_ns / 4);
  EXPECT_FALSE(m.longest.node.empty());
}

TEST(LongestStep, IsAPartOfOneLongStepThatIsCut) {
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim(768), Dim(768)});
  g.output(g.node("MatMul", {x, x}));
  const Measured m = measure(program_of(std::move(g)), {Dim(768), Dim(768)});
  EXPECT_LT(m.longest.ns, m.run_ns / 4);
}

TEST(LongestStep, IsMeasuredOnSeveralThreadsToo) {
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim(256), Dim(256)});
  plan::ValueId y = x;
  for (int i = 0; i < 8; ++i) y = g.node("MatMul", {y, x});
  g.output(y);
  const Measured m = measure(program_of(std::move(g)), {Dim(256), Dim(256)}, 2);
  EXPECT_GT(m.longest.ns, 0);
  EXPECT_FALSE(m.longest.node.empty());
}

TEST(LongestStep, OfARunThatFailsIsItsError) {
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim(2)});
  g.output(g.node("Relu", {x}));
  const auto session = Session::open(program_of(std::move(g)), {.threads = 1}).take();
  const Shape shape{Dim(2)};
  const Binding& binding = *session->bind({&shape, 1}).value();
  OutputView output;
  EXPECT_FALSE(measure_longest_step(*session, binding, {}, {&output, 1}, 3).ok());
  const float data[2] = {1, 2};
  const InputView input{{DType::kFloat32, shape}, data};
  EXPECT_THAT(measure_longest_step(*session, binding, {&input, 1}, {&output, 1}, 0).error().message(),
              testing::HasSubstr("at least one run, not in 0"));
  EXPECT_TRUE(measure_longest_step(*session, binding, {&input, 1}, {&output, 1}, 1).ok());
}

}  // namespace
}  // namespace tercel::engine
