#include "custom/library.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "engine/allocation_counter.h"
#include "engine/test_program.h"
#include "ops/custom.h"

namespace tercel::custom {
namespace {

using engine::attributes_of;
using engine::floats_of;
using engine::GraphMaker;
using engine::run_once_for_test;
using engine::Session;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kFolder = TERCEL_OPERATORS_DIR "/";
const std::string kBiquad = kFolder + "biquad_operator.so", kFaulty = kFolder + "faulty_operators.so";

ops::Attributes of(const std::string& name, std::vector<std::pair<std::string, ops::AttributeValue>> entries = {}) {
  entries.emplace_back(ops::kCustomOperator, name);
  return attributes_of(std::move(entries));
}

std::unique_ptr<Session> open(GraphMaker g, int threads = 1, std::vector<std::string> symbols = {}) {
  return Session::open(engine::program_of(std::move(g), std::move(symbols)), {.threads = threads}).take();
}

std::unique_ptr<Session> open_one(const std::string& name, const Shape& shape) {
  GraphMaker g;
  g.output(g.node("tercel.Custom", {g.input("x", DType::kFloat32, shape)}, of(name)));
  return open(std::move(g));
}

std::string message_of(const auto& result) { return result.ok() ? "" : result.error().message(); }

TEST(OperatorLibrary, IsNamedInWhatIsWrongWithIt) {
  const auto message = [](const std::string& path) { return message_of(load_operators(path)); };
  EXPECT_THAT(message("/nowhere/x.so"), HasSubstr("/nowhere/x.so: there is no such library"));
  EXPECT_THAT(message("libc.so.6"), HasSubstr("there is no such library"));  // the system's folders are not searched
  EXPECT_THAT(message(kFolder + "no_operators.so"), HasSubstr("exports no tercel_operators"));
  EXPECT_THAT(message(kFolder + "operators_of_no_abi.so"), HasSubstr("no operators for version 1"));
  const auto text = std::filesystem::temp_directory_path() / ("not_a_library." + std::to_string(getpid()));
  std::ofstream(text) << "not a library";
  EXPECT_THAT(message(text), HasSubstr("cannot be loaded"));
  std::filesystem::remove(text);
}

TEST(OperatorLibrary, MayBeLoadedAgain) {
  EXPECT_TRUE(load_operators(kFaulty).ok());
  EXPECT_TRUE(load_operators(kFaulty).ok());
  EXPECT_NE(ops::find_custom_operator("test", "Positive"), nullptr);
  EXPECT_EQ(ops::find_custom_operator("test", "Negative"), nullptr);
}

// The definition, sample by sample: y[t] = b0 x[t] + b1 x[t-1] + b2 x[t-2] - a1 y[t-1] - a2 y[t-2], in long double.
std::vector<float> filtered(std::vector<long double> x, const std::vector<float>& sections, bool reverse) {
  if (reverse) std::reverse(x.begin(), x.end());
  for (size_t s = 0; s < sections.size() / 6; ++s) {
    const float* c = &sections[6 * s];
    std::vector<long double> y(x.size());
    for (size_t t = 0; t < x.size(); ++t) {
      const auto at = [t](const std::vector<long double>& v, size_t back) { return t < back ? 0.0L : v[t - back]; };
      y[t] = (c[0] * x[t] + c[1] * at(x, 1) + c[2] * at(x, 2) - c[4] * at(y, 1) - c[5] * at(y, 2)) / c[3];
    }
    x = y;
  }
  if (reverse) std::reverse(x.begin(), x.end());
  return {x.begin(), x.end()};
}

TEST(OperatorLibrary, TheExampleFiltersOnAnyShapeAndThreads) {
  ASSERT_TRUE(load_operators(kBiquad).ok());
  const std::vector<float> sections = {0.2f, 0.3f, 0.2f, 1, -0.5f, 0.2f, 1, -1.8f, 0.9f, 2, 0.4f, -0.1f};
  std::mt19937 random(std::random_device{}());
  std::normal_distribution<float> normal;
  for (const bool reverse : {false, true}) {
    GraphMaker g;
    const auto x = g.input("x", DType::kFloat32, {Dim::symbol(0), Dim(3), Dim::symbol(1)});
    g.output(g.node("tercel.Custom", {x, g.floats({Dim(2), Dim(6)}, sections)},
                    of("com.example.Biquad", {{"reverse", int64_t{reverse}}})));
    const auto session = open(std::move(g), 2, {"batch", "time"});
    for (const auto& [batch, time] : {std::pair(1, 1), {2, 100}, {5, 33}, {0, 7}}) {
      Tensor input = Tensor::zeros(DType::kFloat32, {Dim(batch), Dim(3), Dim(time)}).take();
      for (int64_t i = 0; i < input.elements(); ++i) input.mutable_as<float>()[i] = normal(random);
      const Tensor y = run_once_for_test(*session, {input}).take()[0];
      ASSERT_EQ(y.shape(), input.shape());
      for (int channel = 0; channel < 3 * batch; ++channel) {
        const float* from = input.as<float>() + channel * time;
        const auto expected = filtered({from, from + time}, sections, reverse);
        for (int t = 0; t < time; ++t)
          ASSERT_NEAR(y.as<float>()[channel * time + t], expected[static_cast<size_t>(t)], 1e-5) << channel << ", " << t;
      }
    }
  }
}

TEST(OperatorLibrary, WhatTheOperatorRefusesNamesTheNode) {
  ASSERT_TRUE(load_operators(kBiquad).ok() && load_operators(kFaulty).ok());
  const auto bound = [](const ops::Attributes& attributes, const std::vector<float>& sections) {
    GraphMaker g;
    const auto x = g.input("x", DType::kFloat32, {Dim(4)});
    g.output(
        g.node("tercel.Custom", {x, g.floats({Dim(static_cast<int64_t>(sections.size() / 6)), Dim(6)}, sections)}, attributes));
    return message_of(open(std::move(g))->bind(std::vector<Shape>{{Dim(4)}}));
  };
  const std::vector<float> good = {1, 0, 0, 1, 0, 0}, bad = {1, 0, 0, 0, 0, 0};
  EXPECT_EQ(bound(of("com.example.Biquad"), good), "");
  EXPECT_THAT(bound(of("com.example.Biquad"), bad),
              testing::AllOf(HasSubstr("node 'tercel.Custom_0' (com.example.Biquad)"), HasSubstr("a0 of each not 0")));
  EXPECT_THAT(bound(of("com.example.Biquad", {{"revers", int64_t{1}}}), good), HasSubstr("'revers' is not one"));
  EXPECT_THAT(bound(of("com.example.Biquad", {{"reverse", 1.0f}}), good), HasSubstr("must be an int"));
  EXPECT_THAT(bound(of("com.example.Bicuad"), good), HasSubstr("load it with --operators"));
  EXPECT_THAT(bound(of("test.Positive"), good), HasSubstr("has 2 inputs, the operator has 1"));
  EXPECT_THAT(bound({}, good), HasSubstr("custom operator ''"));
  for (const auto& [how, says] : {std::pair("dtype", "the dtype 99"),
                                  {"rank", "the rank 9"},
                                  {"symbol", "the extent -77"},
                                  {"silent", "the dtype -1"},
                                  {"refuse", "not on a Sunday"},
                                  {"huge", "output 0"}}) {
    GraphMaker g;
    g.output(g.node("tercel.Custom", {g.input("x", DType::kFloat32, {Dim(4)})}, of("test.Wrong", {{"how", std::string(how)}})));
    EXPECT_THAT(message_of(open(std::move(g))->bind(std::vector<Shape>{{Dim(4)}})),
                testing::AllOf(HasSubstr("(test.Wrong)"), HasSubstr(std::string(how) == "huge" ? "" : says)));
  }
  const auto unprepared = open_one("test.Unprepared", {Dim(1)});
  const auto refused = unprepared->bind(std::vector<Shape>{{Dim(1)}});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kExhausted);
  EXPECT_THAT(refused.error().message(), HasSubstr("no licence left"));
}

TEST(OperatorLibrary, AnOperatorThatFailsFailsItsRequestOnly) {
  ASSERT_TRUE(load_operators(kFaulty).ok());
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim(1)});
  g.output(g.node("Neg", {g.node("tercel.Custom", {g.node("Neg", {x})}, of("test.Positive"))}));
  const auto session = open(std::move(g));
  const auto run = [&](float value) { return run_once_for_test(*session, {engine::tensor_of({Dim(1)}, {value})}); };
  EXPECT_THAT(floats_of(run(-5).value()[0]), ElementsAre(-5));
  const auto failed = run(5);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(failed.error().message(), "node 'tercel.Custom_1' (test.Positive): x is negative");
  EXPECT_THAT(floats_of(run(-6).value()[0]), ElementsAre(-6));
  const auto mute = run(-101);
  ASSERT_FALSE(mute.ok());
  EXPECT_EQ(mute.error().code(), ErrorCode::kInternal);
  EXPECT_THAT(mute.error().message(), HasSubstr("said nothing"));
  std::array<int64_t, 3> times{};
  const auto timed =
      run_once_for_test(*session, {engine::tensor_of({Dim(1)}, {5})}, {.deadline_ns = INT64_MAX, .step_ns = times});
  EXPECT_THAT(message_of(timed), HasSubstr("x is negative"));
  EXPECT_THAT(floats_of(run(-7).value()[0]), ElementsAre(-7));
}

TEST(OperatorLibrary, SizesMayDependOnDataAndStatesAreReleased) {
  ASSERT_TRUE(load_operators(kFaulty).ok());
  const auto live = reinterpret_cast<int (*)()>(dlsym(dlopen(kFaulty.c_str(), RTLD_NOW), "test_live_states"));
  ASSERT_NE(live, nullptr);
  const int before = live();
  {
    GraphMaker g;
    const auto x = g.input("x", DType::kFloat32, {Dim(4)});
    const auto n = g.input("n", DType::kInt64, {});
    g.output(g.node("Neg", {g.node("tercel.Custom", {x, n}, of("test.Take"))}));
    const auto session = open(std::move(g));
    const auto run = [&](int64_t count) {
      return run_once_for_test(*session, {engine::tensor_of({Dim(4)}, {1, 2, 3, 4}), engine::ints_of({}, {count})});
    };
    EXPECT_THAT(floats_of(run(2).value()[0]), ElementsAre(-1, -2));
    EXPECT_THAT(floats_of(run(0).value()[0]), ElementsAre());
    EXPECT_THAT(message_of(run(5)), HasSubstr("n is out of range"));
    EXPECT_THAT(floats_of(run(4).value()[0]), ElementsAre(-1, -2, -3, -4));
    GraphMaker known;
    known.output(known.node("tercel.Custom", {known.input("x", DType::kFloat32, {Dim(4)}), known.scalar(3)}, of("test.Take")));
    const auto fixed = open(std::move(known));
    EXPECT_THAT(floats_of(run_once_for_test(*fixed, {engine::tensor_of({Dim(4)}, {1, 2, 3, 4})}).value()[0]),
                ElementsAre(1, 2, 3));
    EXPECT_GT(live(), before);
  }
  EXPECT_EQ(live(), before);
}

TEST(OperatorLibrary, AttributesAndOptionalOperandsReachTheOperator) {
  ASSERT_TRUE(load_operators(kFaulty).ok());
  const auto attributes = of("test.Probe", {{"integer", int64_t{7}},
                                            {"real", 0.5f},
                                            {"text", std::string("four")},
                                            {"ints", std::vector<int64_t>{1, 9}},
                                            {"floats", std::vector<float>{1, 2.5f}},
                                            {"tensor", engine::tensor_of({Dim(2)}, {3, 6})}});
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim(8)});
  const auto both = g.nodes("tercel.Custom", {x, x}, 2, attributes);
  const auto first = g.nodes("tercel.Custom", {x}, 1, attributes);
  g.output(both[0]);
  g.output(both[1]);
  const auto session = open(std::move(g));
  const auto found = run_once_for_test(*session, {engine::tensor_of({Dim(8)}, std::vector<float>(8))}).take();
  EXPECT_THAT(floats_of(found[0]), ElementsAre(7, 0.5f, 4, 9, 2.5f, 6, 1, 11));
  EXPECT_EQ(floats_of(found[1]), floats_of(found[0]));
}

TEST(OperatorLibrary, RunsAllocateNothing) {
  if (!engine::counts_allocations()) GTEST_SKIP() << "sanitizers replace the allocator";
  ASSERT_TRUE(load_operators(kBiquad).ok());
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim(64), Dim(256)});
  g.output(g.node("tercel.Custom", {x, g.floats({Dim(1), Dim(6)}, {1, 0, 0, 1, 0, 0})}, of("com.example.Biquad")));
  const auto session = open(std::move(g), 2);
  const std::vector<float> data(64 * 256, 1.0f);
  const engine::InputView input{{DType::kFloat32, {Dim(64), Dim(256)}}, data.data()};
  engine::OutputView output;
  const engine::Binding* binding = session->bind(std::vector<Shape>{input.type.shape}).value();
  ASSERT_TRUE(session->run(*binding, {&input, 1}, {}, {&output, 1}).ok());
  const uint64_t before = engine::allocations();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(session->run(*binding, {&input, 1}, {}, {&output, 1}).ok());
  EXPECT_EQ(engine::allocations() - before, 0u);
  EXPECT_THAT(std::vector<float>(static_cast<const float*>(output.data), static_cast<const float*>(output.data) + 64), Each(1));
}

}  // namespace
}  // namespace tercel::custom
