#include "engine/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "engine/test_program.h"
#include "plan/plan.h"
#include "platform/clock.h"

namespace tercel::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
const Shape kRow{Dim::symbol(0), Dim(3)};

std::unique_ptr<Session> open(std::shared_ptr<const plan::Program> program, SessionOptions options = {.threads = 1}) {
  return Session::open(std::move(program), options).take();
}

// relu(x w + b), with w 3x2.
std::shared_ptr<plan::Program> dense_program() {
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, kRow);
  const auto product = g.node("MatMul", {x, g.floats({Dim(3), Dim(2)}, {1, 2, 3, 4, 5, 6})});
  g.output(g.node("Relu", {g.node("Add", {product, g.floats({Dim(2)}, {-20, 1})})}));
  return program_of(std::move(g), {"batch"});
}

TEST(Session, ComputesForAnyShapeOfTheProfile) {
  const auto session = open(dense_program());
  EXPECT_THAT(floats_of(run_once_for_test(*session, {tensor_of({Dim(1), Dim(3)}, {1, 1, 1})}).value()[0]), ElementsAre(0, 13));
  const auto two = run_once_for_test(*session, {tensor_of({Dim(2), Dim(3)}, {1, 1, 1, 2, 2, 2})}).take();
  EXPECT_EQ(two[0].shape(), (Shape{Dim(2), Dim(2)}));
  EXPECT_THAT(floats_of(two[0]), ElementsAre(0, 13, 0, 25));
  const auto none = run_once_for_test(*session, {tensor_of({Dim(0), Dim(3)}, {})}).take();
  EXPECT_EQ(none[0].shape(), (Shape{Dim(0), Dim(2)}));
}

TEST(Session, UsesTheCallersBuffers) {
  const auto session = open(dense_program());
  const Binding& binding = *session->bind(std::vector<Shape>{{Dim(1), Dim(3)}}).value();
  alignas(64) const float raw[8] = {0, 1, 1, 1};
  float buffer[3] = {-1, -1, -1};
  const InputView input{{DType::kFloat32, {Dim(1), Dim(3)}}, raw + 1};  // aligned to its element only
  OutputView output;
  void* const buffers[] = {buffer + 1};
  ASSERT_TRUE(session->run(binding, {&input, 1}, buffers, {&output, 1}).ok());
  EXPECT_EQ(output.data, buffer + 1);
  EXPECT_THAT(buffer, ElementsAre(-1, 0, 13));
  ASSERT_TRUE(session->run(binding, {&input, 1}, {}, {&output, 1}).ok());
  EXPECT_EQ(static_cast<const float*>(output.data)[1], 13);
}

TEST(Session, CopiesOutputsThatAreInputsConstantsOrTwiceThere) {
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim(2)});
  const auto c = g.floats({Dim(2)}, {7, 8});
  const auto y = g.node("Relu", {x});
  const auto renamed = g.node("Reshape", {y, g.ints({2, 1})});
  for (auto id : {x, c, y, y, renamed, g.node("Identity", {x})}) g.output(id);
  const auto session = open(program_of(std::move(g)));
  const auto outputs = run_once_for_test(*session, {tensor_of({Dim(2)}, {-1, 5})}).take();
  EXPECT_THAT(floats_of(outputs[0]), ElementsAre(-1, 5));
  EXPECT_THAT(floats_of(outputs[1]), ElementsAre(7, 8));
  EXPECT_THAT(floats_of(outputs[2]), ElementsAre(0, 5));
  EXPECT_THAT(floats_of(outputs[3]), ElementsAre(0, 5));
  EXPECT_THAT(floats_of(outputs[4]), ElementsAre(0, 5));
  EXPECT_EQ(outputs[4].shape(), (Shape{Dim(2), Dim(1)}));
  EXPECT_THAT(floats_of(outputs[5]), ElementsAre(-1, 5));

  const Binding& binding = *session->bind(std::vector<Shape>{{Dim(2)}}).value();
  const float data[2] = {-1, 5};
  const InputView input{{DType::kFloat32, {Dim(2)}}, data};
  std::vector<OutputView> views(6);
  ASSERT_TRUE(session->run(binding, {&input, 1}, {}, views).ok());
  for (size_t i = 0; i < 6; ++i)
    for (size_t j = 0; j < i; ++j) EXPECT_NE(views[i].data, views[j].data) << i << ", " << j;
  EXPECT_NE(views[0].data, data);
}

TEST(Session, ShapeArithmeticVanishesWhenBound) {
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, kRow);
  const auto batch =
      g.node("Gather", {g.node("Shape", {g.node("Relu", {x})}), g.ints({0})}, attributes_of({{"axis", int64_t{0}}}));
  const auto shape = g.node("Concat", {batch, g.ints({3, 1})}, attributes_of({{"axis", int64_t{0}}}));
  g.output(g.node("Relu", {g.node("Reshape", {x, shape})}));
  const auto session = open(program_of(std::move(g), {"batch"}));
  const Binding& binding = *session->bind(std::vector<Shape>{{Dim(5), Dim(3)}}).value();
  EXPECT_EQ(session->output_types(binding)[0].shape, (Shape{Dim(5), Dim(3), Dim(1)}));
  const auto steps = session->steps(binding);
  ASSERT_EQ(steps.size(), 1u);  // the last Relu; the first was only asked for its shape
  EXPECT_EQ(steps[0].op, "Relu");
  EXPECT_FALSE(steps[0].tactic.empty());
  EXPECT_GT(steps[0].bytes, 0);
}

TEST(Session, RefusesShapesOutsideTheProfile) {
  GraphMaker g;
  const auto a = g.input("a", DType::kFloat32, kRow), b = g.input("b", DType::kFloat32, kRow);
  g.output(g.node("Add", {a, b}));
  auto program = program_of(std::move(g), {"batch"});
  program->profile = {{"a", DType::kFloat32, {1, 3}, {8, 3}, {"batch", ""}},
                      {"b", DType::kFloat32, {1, 3}, {8, 3}, {"batch", ""}}};
  const auto session = open(program);
  const auto refusal = [&](std::vector<Shape> shapes) { return session->bind(shapes).error().message(); };
  EXPECT_THAT(refusal({{Dim(9), Dim(3)}, {Dim(9), Dim(3)}}),
              HasSubstr("axis 0 (batch) of input 'a' is 9; this plan serves 1..8x3"));
  EXPECT_THAT(refusal({{Dim(1), Dim(3)}, {Dim(1), Dim(4)}}), HasSubstr("axis 1 of input 'b' is 4"));
  EXPECT_THAT(refusal({{Dim(1), Dim(3)}, {Dim(2), Dim(3)}}), HasSubstr("'batch' is 1 in input 'a' and 2 in input 'b'"));
  EXPECT_THAT(refusal({{Dim(1), Dim(3)}}), HasSubstr("1 inputs are given where the model has 2"));
  EXPECT_THAT(refusal({{Dim(1)}, {Dim(1), Dim(3)}}), HasSubstr("of rank 1"));
  EXPECT_TRUE(session->bind(std::vector<Shape>{{Dim(8), Dim(3)}, {Dim(8), Dim(3)}}).ok());
}

TEST(Session, RefusesRunsThatDoNotFitTheBinding) {
  const auto session = open(dense_program());
  const Binding& binding = *session->bind(std::vector<Shape>{{Dim(1), Dim(3)}}).value();
  const float data[4] = {};
  const InputView good{{DType::kFloat32, {Dim(1), Dim(3)}}, data};
  std::vector<OutputView> outputs(1);
  const auto refusal = [&](InputView input) { return session->run(binding, {&input, 1}, {}, outputs).error().message(); };
  EXPECT_THAT(refusal({{DType::kFloat64, {Dim(1), Dim(3)}}, data}),
              HasSubstr("input 'x' is float64 1x3 where float32 1x3 is bound"));
  EXPECT_THAT(refusal({{DType::kFloat32, {Dim(2), Dim(3)}}, data}), HasSubstr("2x3 where float32 1x3"));
  EXPECT_THAT(refusal({good.type, nullptr}), HasSubstr("no data"));
  EXPECT_THAT(refusal({good.type, reinterpret_cast<const char*>(data) + 1}), HasSubstr("not aligned"));
  EXPECT_THAT(session->run(binding, {}, {}, outputs).error().message(), HasSubstr("1 inputs and 1 outputs"));
  void* const odd[] = {const_cast<char*>(reinterpret_cast<const char*>(data)) + 1};
  EXPECT_THAT(session->run(binding, {&good, 1}, odd, outputs).error().message(), HasSubstr("buffer of output"));
  EXPECT_TRUE(session->run(binding, {&good, 1}, {}, outputs).ok());
}

TEST(Session, ForgetsTheLeastRecentlyUsedShape) {
  const auto session = open(dense_program(), {.threads = 1, .bindings_max = 2});
  const auto bind = [&](int64_t n) { return session->bind(std::vector<Shape>{{Dim(n), Dim(3)}}).value(); };
  const Binding *one = bind(1), *two = bind(2);
  EXPECT_EQ(bind(1), one);
  bind(3);  // two goes
  EXPECT_EQ(bind(1), one);
  std::vector<float> data(6);
  const InputView input{{DType::kFloat32, {Dim(2), Dim(3)}}, data.data()};
  std::vector<OutputView> outputs(1);
  // Its address may be another shape's by now: refused either way.
  EXPECT_FALSE(session->run(*two, {&input, 1}, {}, outputs).ok());
}

TEST(Session, KeepsToItsMemoryLimit) {
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim::symbol(0)});
  g.output(g.node("Add", {g.node("Relu", {x}), x}));
  const auto session = open(program_of(std::move(g), {"n"}), {.threads = 1, .memory_bytes_max = size_t{1} << 20});
  EXPECT_EQ(session->bind(std::vector<Shape>{{Dim(int64_t{1} << 20)}}).error().code(), ErrorCode::kLimit);
  EXPECT_EQ(session->bind(std::vector<Shape>{{Dim(int64_t{1} << 39)}}).error().code(), ErrorCode::kInvalid);  // over kDimMax
  EXPECT_TRUE(session->bind(std::vector<Shape>{{Dim(1000)}}).ok());
}

TEST(Session, StopsAtTheNextStepWhenCancelled) {
  const auto session = open(dense_program());
  std::atomic<bool> cancel{true};
  const auto input = tensor_of({Dim(1), Dim(3)}, {1, 1, 1});
  EXPECT_EQ(run_once_for_test(*session, {input}, {.cancel = &cancel}).error().code(), ErrorCode::kCancelled);
  cancel = false;
  EXPECT_TRUE(run_once_for_test(*session, {input}, {.cancel = &cancel}).ok());
}

TEST(Session, StopsAtTheNextStepWhenTheDeadlinePassed) {
  const auto session = open(dense_program());
  const auto input = tensor_of({Dim(1), Dim(3)}, {1, 1, 1});
  EXPECT_EQ(run_once_for_test(*session, {input}, {.deadline_ns = platform::now_ns()}).error().code(), ErrorCode::kDeadline);
  EXPECT_TRUE(run_once_for_test(*session, {input}, {.deadline_ns = platform::now_ns() + 60'000'000'000}).ok());
}

TEST(Session, TellsTheTimeOfEachStep) {
  const auto session = open(dense_program());
  std::vector<int64_t> ns(session->steps(**session->bind(std::vector<Shape>{{Dim(1), Dim(3)}})).size() + 1, -1);
  ASSERT_TRUE(run_once_for_test(*session, {tensor_of({Dim(1), Dim(3)}, {1, 1, 1})}, {.step_ns = ns}).ok());
  for (size_t i = 0; i + 1 < ns.size(); ++i) EXPECT_GE(ns[i], 0);
  EXPECT_EQ(ns.back(), -1);
}

TEST(Session, DoesNotForgetWhatIsHeld) {
  GraphMaker g;
  g.output(g.node("Relu", {g.input("x", DType::kFloat32, {Dim::symbol(0)})}));
  const auto session = open(program_of(std::move(g), {"n"}), {.threads = 1, .bindings_max = 2});
  const auto bind = [&](int64_t n) { return session->bind(std::vector<Shape>{{Dim(n)}}); };
  const Binding* const held = bind(1).take();
  session->hold(*held);
  for (int64_t n = 2; n < 9; ++n) ASSERT_TRUE(bind(n).ok());
  EXPECT_EQ(bind(1).take(), held);
  // More than the session keeps of its own accord.
  std::vector<const Binding*> more;
  for (int64_t n = 9; n < 13; ++n) session->hold(*more.emplace_back(bind(n).take()));
  for (int64_t n = 2; n < 9; ++n) ASSERT_TRUE(bind(n).ok());
  for (int64_t n = 9; n < 13; ++n) EXPECT_EQ(bind(n).take(), more[static_cast<size_t>(n - 9)]);
  for (const Binding* binding : more) session->release(*binding);
  session->release(*held);
  for (int64_t n = 2; n < 9; ++n) ASSERT_TRUE(bind(n).ok());
  const float x = 1;
  const InputView input{{DType::kFloat32, {Dim(1)}}, &x};
  OutputView output;
  EXPECT_EQ(session->run(*more[0], {&input, 1}, {}, {&output, 1}).error().code(), ErrorCode::kNotFound);
}

TEST(Session, RefusesMoreWhenMemoryIsShortAndAllIsHeld) {
  GraphMaker g;
  g.output(g.node("Relu", {g.input("x", DType::kFloat32, {Dim::symbol(0)})}));
  const auto session = open(program_of(std::move(g), {"n"}), {.threads = 1, .memory_bytes_max = size_t{8} << 20});
  const auto bind = [&](int64_t n) { return session->bind(std::vector<Shape>{{Dim(n)}}); };
  const Binding* const held = bind(1 << 20).take();
  session->hold(*held);
  EXPECT_EQ(bind(3 << 20).error().code(), ErrorCode::kLimit);
  EXPECT_EQ(bind(1 << 20).take(), held);
}

// A binding may be let go of while another thread is in the session.
TEST(Session, ReleasesFromAnyThreadAtAnyTime) {
  GraphMaker g;
  g.output(g.node("Relu", {g.input("x", DType::kFloat32, {Dim::symbol(0)})}));
  const auto session = open(program_of(std::move(g), {"n"}), {.threads = 1, .bindings_max = 1});
  std::atomic<const Binding*> given{nullptr};
  std::atomic<bool> stop{false};
  std::jthread other([&] {
    while (!stop)
      if (const Binding* const binding = given.exchange(nullptr)) session->release(*binding);
  });
  for (int64_t n = 1; n < 3000; ++n) {
    const Binding* const binding = session->bind(std::vector<Shape>{{Dim(n % 50 + 1)}}).take();
    session->hold(*binding);
    const Binding* expected = nullptr;
    if (!given.compare_exchange_strong(expected, binding)) session->release(*binding);
  }
  stop = true;
}

// Weights that are read as they are mapped, and weights that are packed first.
TEST(Session, FindsCorruptedWeightsBeforeTheyAreUsed) {
  constexpr int64_t kWidth = 160;
  for (const std::string_view op : {"MatMul", "Add"}) {
    GraphMaker g;
    const auto w = g.floats({Dim(kWidth), Dim(kWidth)}, std::vector<float>(kWidth * kWidth, 0.123f));
    g.output(g.node(op, {g.input("x", DType::kFloat32, {Dim(kWidth), Dim(kWidth)}), w}));
    const std::string path = testing::TempDir() + "tercel_corrupted_" + std::to_string(getpid()) + ".plan";
    ASSERT_TRUE(plan::write(*program_of(std::move(g)), path).ok());
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), {}};
    const float value = 0.123f;
    file.seekp(static_cast<std::streamoff>(bytes.rfind(std::string(reinterpret_cast<const char*>(&value), 4))));
    file.put('!');
    file.close();
    const auto program = plan::open(path);
    std::filesystem::remove(path);
    ASSERT_TRUE(program.ok());
    const Shape shape{Dim(kWidth), Dim(kWidth)};
    const auto bound = open(*program)->bind(std::vector<Shape>{shape});
    ASSERT_FALSE(bound.ok()) << op;
    EXPECT_THAT(bound.error().message(), HasSubstr("section 'weights' fails its checksum"));
  }
}

TEST(Session, TellsASecondThreadToWait) {
  GraphMaker g;
  plan::ValueId x = g.input("x", DType::kFloat32, {Dim(1 << 20)});
  for (int i = 0; i < 20; ++i) x = g.node("Exp", {x});
  g.output(x);
  const auto session = open(program_of(std::move(g)));
  const std::vector<Shape> shapes{{Dim(1 << 20)}};
  const Binding* binding = session->bind(shapes).value();
  const std::vector<float> data(1 << 20);
  const InputView input{{DType::kFloat32, {Dim(1 << 20)}}, data.data()};
  std::atomic<bool> refused{false}, stop{false};
  std::thread other([&] {
    while (!refused && !stop) {
      const auto second = session->bind(shapes);
      if (!second.ok()) refused = second.error().message().find("in use by another thread") != std::string::npos;
    }
  });
  std::vector<OutputView> outputs(1);
  // Either side may be the second; each must be told, and the first must not notice.
  for (int i = 0; i < 2'000'000 && !refused; ++i) {
    const auto result = session->run(*binding, {&input, 1}, {}, outputs);
    if (result.ok()) continue;
    EXPECT_THAT(result.error().message(), HasSubstr("in use by another thread"));
    refused = true;
  }
  stop = true;
  other.join();
  EXPECT_TRUE(refused);
}

TEST(Session, SessionsShareOneProgram) {
  const auto program = dense_program();
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      const auto session = open(program);
      for (int64_t n = 1; n <= 20; ++n) {
        const auto outputs =
            run_once_for_test(*session, {tensor_of({Dim(n), Dim(3)}, std::vector<float>(static_cast<size_t>(3 * n), 1))});
        good += outputs.ok() && outputs.value()[0].as<float>()[1] == 13;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 60);
}

TEST(Session, ShowsEachStepToItsObserver) {
  const auto session = open(dense_program());
  std::vector<std::string> seen;
  session->observe(
      [](void* user, const plan::ProgramNode& node, std::span<const OutputView> outputs, double microseconds) {
        EXPECT_GE(microseconds, 0);
        EXPECT_EQ(outputs.size(), 1u);
        EXPECT_EQ(outputs[0].type.shape, (Shape{Dim(1), Dim(2)}));
        static_cast<std::vector<std::string>*>(user)->push_back(std::string(node.op->name));
      },
      &seen);
  const auto input = tensor_of({Dim(1), Dim(3)}, {1, 1, 1});
  ASSERT_TRUE(run_once_for_test(*session, {input}).ok());
  EXPECT_THAT(seen, ElementsAre("MatMul", "Add", "Relu"));
  session->observe(nullptr, nullptr);
  ASSERT_TRUE(run_once_for_test(*session, {input}).ok());
  EXPECT_EQ(seen.size(), 3u);
}

TEST(Session, FindsTheStepThatMakesNaNs) {
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim(2)});
  g.output(g.node("Relu", {g.node("Log", {x})}));
  const auto session = open(program_of(std::move(g)), {.threads = 1, .check_numerics = true});
  EXPECT_THAT(run_once_for_test(*session, {tensor_of({Dim(2)}, {1, 0})}).error().message(),
              HasSubstr("node 'Log_0' (Log) computed a NaN"));
  EXPECT_TRUE(run_once_for_test(*session, {tensor_of({Dim(2)}, {1, 2})}).ok());
}

TEST(Session, NamesTheNodeThatDoesNotFit) {
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim::symbol(0), Dim::symbol(1)});
  g.output(g.node("MatMul", {x, g.floats({Dim(3), Dim(1)}, {1, 1, 1})}));
  const auto session = open(program_of(std::move(g), {"n", "k"}));
  EXPECT_THAT(session->bind(std::vector<Shape>{{Dim(2), Dim(4)}}).error().message(), HasSubstr("node 'MatMul_0' (MatMul)"));
}

TEST(Session, OpensOnlyWhatMakesSense) {
  EXPECT_FALSE(Session::open(nullptr).ok());
  EXPECT_FALSE(Session::open(std::make_shared<plan::Program>()).ok());
  EXPECT_FALSE(Session::open(dense_program(), {.threads = 1 << 20}).ok());
  EXPECT_GE(Session::open(dense_program()).value()->threads(), 1);
}

}  // namespace
}  // namespace tercel::engine
