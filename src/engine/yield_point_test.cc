#include "engine/yield_point.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <thread>

#include "engine/allocation_counter.h"
#include "engine/profile.h"
#include "engine/test_program.h"
#include "plan/plan.h"
#include "platform/clock.h"
#include "platform/cpus.h"

// A run gives its thread away at its yield points, and comes back as if nothing had been.
namespace tercel::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kPatienceNs = 30'000'000'000;

void sleep_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

std::vector<float> some_floats(int64_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& v : values) v = static_cast<float>(static_cast<int>(random() % 2001) - 1000) / 8000;
  return values;
}

plan::ValueId weights(GraphMaker& g, const Shape& shape, uint32_t seed) {
  return g.floats(shape, some_floats(shape.elements(), seed));
}

std::shared_ptr<plan::Program> matmul_program(int64_t size) {
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim(size), Dim(size)});
  g.output(g.node("MatMul", {x, weights(g, {Dim(size), Dim(size)}, 1)}));
  return program_of(std::move(g));
}

// An image of 32 channels, laid out as the kernels want it.
std::shared_ptr<plan::Program> conv_program() {
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim(1), Dim(32), Dim(48), Dim(48)});
  g.output(g.node("Conv", {x, weights(g, {Dim(32), Dim(32), Dim(3), Dim(3)}, 2)},
                  attributes_of({{"pads", std::vector<int64_t>{1, 1, 1, 1}}})));
  return program_of(std::move(g));
}

// Steps of many kinds: products, something elementwise, rows, a sort, and a recurrent one.
std::shared_ptr<plan::Program> mixed_program() {
  constexpr int64_t kRows = 96, kWidth = 128;
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim(kRows), Dim(kWidth)});
  auto y = g.node("Relu", {g.node("MatMul", {x, weights(g, {Dim(kWidth), Dim(kWidth)}, 3)})});
  y = g.node("Softmax", {g.node("Add", {y, x})}, attributes_of({{"axis", int64_t{-1}}}));
  g.output(g.node("Transpose", {y}, attributes_of({{"perm", std::vector<int64_t>{1, 0}}})));
  g.output(g.nodes("TopK", {y, g.ints({5})}, 2)[0]);
  const auto sequence = g.node("Reshape", {y, g.ints({kRows, 1, kWidth})});
  const auto lstm =
      g.nodes("LSTM", {sequence, weights(g, {Dim(2), Dim(128), Dim(kWidth)}, 4), weights(g, {Dim(2), Dim(128), Dim(32)}, 5)}, 1,
              attributes_of({{"hidden_size", int64_t{32}}, {"direction", std::string("bidirectional")}}));
  g.output(lstm[0]);
  return program_of(std::move(g));
}

// x + trips, one at a time.
std::shared_ptr<plan::Program> loop_program() {
  GraphMaker main, body;
  const auto trips = main.input("trips", DType::kInt64, {});
  const auto start = main.input("x", DType::kFloat32, {Dim(2)});
  main.output(main.node("Loop", {trips, plan::kNoValue, start}, attributes_of({{"body", ops::GraphRef{1}}})));
  body.input("i", DType::kInt64, {});
  const auto c = body.input("c", DType::kBool, {});
  const auto x = body.input("x", DType::kFloat32, {Dim(2)});
  body.output(body.node("Identity", {c}));
  const auto next = body.node("Add", {x, body.floats({}, {1})});
  body.output(next);
  body.declare(next, DType::kFloat32, {Dim(2)});
  auto program = program_of(std::move(main));
  program->graphs.push_back(body.graph);
  return program;
}

// A session with inputs of its own, ready to run.
class Runner {
 public:
  explicit Runner(std::shared_ptr<const plan::Program> program, int threads = 1)
      : session_(Session::open(std::move(program), {.threads = threads}).take()) {
    const plan::ProgramGraph& graph = session_->program().main();
    uint32_t seed = 10;
    for (plan::ValueId id : graph.inputs) {
      const TensorType& type = graph.values[id].type;
      shapes_.push_back(type.shape);
      inputs_.push_back(type.dtype == DType::kInt64 ? ints_of(type.shape, {7})
                                                    : tensor_of(type.shape, some_floats(type.shape.elements(), ++seed)));
    }
    for (const Tensor& input : inputs_) views_.push_back({input.type(), input.data()});
    outputs_.resize(graph.outputs.size());
    binding_ = session_->bind(shapes_).value();
  }

  Result<void> run(const RunControl& control = {}) { return session_->run(*binding_, views_, {}, outputs_, control); }

  std::vector<std::string> answer() const {
    std::vector<std::string> bytes;
    for (const OutputView& output : outputs_) bytes.emplace_back(static_cast<const char*>(output.data), output.type.bytes());
    return bytes;
  }
  Session& session() { return *session_; }
  const Binding& binding() const { return *binding_; }

 private:
  std::unique_ptr<Session> session_;
  std::vector<Shape> shapes_;
  std::vector<Tensor> inputs_;
  std::vector<InputView> views_;
  std::vector<OutputView> outputs_;
  const Binding* binding_ = nullptr;
};

// A yield point that is asked, and does something each time.
class Asked {
 public:
  explicit Asked(std::function<void()> at_stop = [] {}) : at_stop_(std::move(at_stop)) { point.ask(); }
  int stops() const { return stops_; }

  YieldPoint point{[](void* user) {
                     auto& self = *static_cast<Asked*>(user);
                     ++self.stops_;
                     self.at_stop_();
                   },
                   this};

 private:
  std::function<void()> at_stop_;
  int stops_ = 0;
};

TEST(YieldPoint, CallsStopWhileItIsAskedAndOnlyThen) {
  Asked asked;
  asked.point.clear();
  EXPECT_FALSE(asked.point.is_asked());
  asked.point.pass();
  EXPECT_EQ(asked.stops(), 0);
  asked.point.ask();
  EXPECT_TRUE(asked.point.is_asked());
  asked.point.pass();
  asked.point.pass();
  EXPECT_EQ(asked.stops(), 2);
}

// What runs at the yield points is another session, on the same thread, whose steps are of the same kinds.
TEST(YieldPoint, BitsAreTheSameWhereverARunStops) {
  for (const auto& program : {mixed_program(), conv_program(), matmul_program(200), loop_program()})
    for (int threads : {1, 2, 3}) {
      Runner plain(program, threads), stopped(program, threads), other(mixed_program());
      ASSERT_TRUE(plain.run().ok());
      Asked asked([&] { ASSERT_TRUE(other.run().ok()); });
      for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(stopped.run({.yield = &asked.point}).ok());
        EXPECT_EQ(stopped.answer(), plain.answer()) << threads << " threads";
      }
      EXPECT_GT(asked.stops(), 0);
    }
}

TEST(YieldPoint, BitsAreTheSameWhenNobodyAsks) {
  for (const auto& program : {mixed_program(), conv_program()}) {
    Runner plain(program), watched(program);
    Asked asked;
    asked.point.clear();
    ASSERT_TRUE(plain.run().ok());
    ASSERT_TRUE(watched.run({.yield = &asked.point}).ok());
    EXPECT_EQ(watched.answer(), plain.answer());
    EXPECT_EQ(asked.stops(), 0);
  }
}

TEST(YieldPoint, LiesBetweenTheChunksOfALongStepOnOneThread) {
  for (const auto& program : {matmul_program(512), conv_program()}) {
    Runner runner(program);
    ASSERT_EQ(runner.session().steps(runner.binding()).size(), 1u);
    Asked asked;
    ASSERT_TRUE(runner.run({.yield = &asked.point}).ok());
    EXPECT_GE(asked.stops(), 8);
  }
}

TEST(YieldPoint, LiesAtTheBoundariesOfStepsThatThreadsShare) {
  if (platform::usable_cpus() < 2) GTEST_SKIP() << "no second CPU to share a step with";
  Runner runner(matmul_program(512), 2);
  Asked asked;
  ASSERT_TRUE(runner.run({.yield = &asked.point}).ok());
  EXPECT_EQ(asked.stops(), 1);
}

TEST(YieldPoint, LiesInTheStepsAndIterationsOfALoop) {
  Runner runner(loop_program());
  Asked asked;
  ASSERT_TRUE(runner.run({.yield = &asked.point}).ok());
  EXPECT_GE(asked.stops(), 2 * 7);  // an iteration, and a step in it
}

TEST(YieldPoint, StopsAsOftenAsItIsAsked) {
  Runner runner(conv_program());
  std::vector<int> at;
  int passed = 0;
  Asked* self = nullptr;
  Asked asked([&] {
    if (++passed % 3 == 0) return at.push_back(passed);
    if (passed > 10) self->point.clear();
  });
  self = &asked;
  ASSERT_TRUE(runner.run({.yield = &asked.point}).ok());
  EXPECT_THAT(at, ElementsAre(3, 6, 9));
  EXPECT_EQ(asked.stops(), 11);  // then it was cleared, in the middle of the step
}

TEST(YieldPoint, ARunThatComesBackAfterItsDeadlineStops) {
  for (const auto& program : {mixed_program(), loop_program()}) {
    Runner runner(program);
    ASSERT_TRUE(runner.run().ok());
    int64_t deadline = 0;
    Asked asked([&] {
      while (platform::now_ns() < deadline) sleep_ms(1);
    });
    deadline = platform::now_ns() + 20'000'000;
    const auto result = runner.run({.deadline_ns = deadline, .yield = &asked.point});
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code(), ErrorCode::kDeadline);
    EXPECT_EQ(asked.stops(), 1);  // the deadline is read after it
    EXPECT_TRUE(runner.run().ok());
  }
}

TEST(YieldPoint, ARunThatIsCancelledWhileItIsStoppedStops) {
  for (const auto& program : {mixed_program(), loop_program()}) {
    Runner runner(program);
    std::atomic<bool> cancel{false};
    Asked asked([&] { cancel = true; });
    const auto result = runner.run({.cancel = &cancel, .yield = &asked.point});
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code(), ErrorCode::kCancelled);
    EXPECT_EQ(asked.stops(), 1);
  }
}

TEST(YieldPoint, AllocatesNothing) {
  if (!counts_allocations()) GTEST_SKIP() << "sanitizers replace the allocator";
  for (int threads : {1, 2}) {
    Runner runner(mixed_program(), threads);
    Asked asked;
    std::vector<int64_t> step_ns(16);
    const RunControl control{.deadline_ns = INT64_MAX, .step_ns = step_ns, .yield = &asked.point};
    ASSERT_TRUE(runner.run(control).ok());
    const uint64_t before = allocations();
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(runner.run(control).ok());
    EXPECT_EQ(allocations() - before, 0u) << threads << " threads";
    EXPECT_GT(asked.stops(), 20);
  }
}

// A scheduler that takes the thread of one run for as long as a run on another takes.
TEST(YieldPoint, AnotherSessionRunsWhileOneIsStopped) {
  const auto program = mixed_program();
  Runner low(program), high(program);
  ASSERT_TRUE(high.run().ok());
  const auto wanted = high.answer();
  std::atomic<bool> stopped{false}, go_on{false};
  Asked* self = nullptr;
  Asked asked([&] {
    self->point.clear();
    stopped = true;
    for (const int64_t end = platform::now_ns() + kPatienceNs; !go_on && platform::now_ns() < end;) sleep_ms(1);
  });
  self = &asked;
  Result<void> result = invalid("not run");
  std::jthread thread([&] { result = low.run({.yield = &asked.point}); });
  for (const int64_t end = platform::now_ns() + kPatienceNs; !stopped && platform::now_ns() < end;) sleep_ms(1);
  ASSERT_TRUE(stopped);
  EXPECT_TRUE(high.run().ok());
  EXPECT_EQ(high.answer(), wanted);
  EXPECT_THAT(low.run().error().message(), HasSubstr("in use by another thread"));  // it is stopped, not over
  go_on = true;
  thread.join();
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(low.answer(), wanted);
  EXPECT_EQ(asked.stops(), 1);
}

TEST(YieldPoint, TimesOfStepsLeaveOutWhatWasStopped) {
  for (const auto& program : {matmul_program(256), loop_program()}) {
    Runner runner(program);
    ASSERT_TRUE(runner.run().ok());
    Asked* self = nullptr;
    Asked asked([&] {
      if (self->stops() > 3) self->point.clear();  // by then in the middle of the step
      sleep_ms(200);
    });
    self = &asked;
    std::vector<int64_t> step_ns(4, -1);
    ASSERT_TRUE(runner.run({.step_ns = step_ns, .yield = &asked.point}).ok());
    EXPECT_EQ(asked.stops(), 4);
    EXPECT_GE(step_ns[0], 0);
    EXPECT_LT(step_ns[0], 200'000'000);
  }
}

// What the plan promises is 50 us, which every run that counts misses.
TEST(YieldPoint, LatencyLeavesOutRunsThatWereStopped) {
  const auto program = matmul_program(512);
  program->tuned = {{.isa = platform::kPortable}};
  program->tuned[0].tactic_names = {"tercel.matmul/ref"};
  program->tuned[0].buckets = {
      {.input_shapes = {{512, 512}}, .tactics = {0}, .latency = {{.threads = 1, .p50_us = 50, .p99_us = 50}}}};
  Runner runner(program);
  const LatencyReport& report = runner.session().latency(runner.binding());
  ASSERT_GT(report.promised_p99_us, 0);
  ASSERT_TRUE(runner.run().ok());
  Asked asked;
  ASSERT_TRUE(runner.run({.yield = &asked.point}).ok());
  EXPECT_EQ(report.runs, 1u);
  asked.point.clear();
  ASSERT_TRUE(runner.run({.yield = &asked.point}).ok());  // one that could have been stopped and was not counts
  EXPECT_EQ(report.runs, 2u);
}

// Process time but for the calling thread's, which is waiting.
double cpu_ms_of_others_while(const std::function<void()>& wait) {
  const auto ms = [](clockid_t clock) {
    timespec t;
    clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
  };
  const auto others = [&] { return ms(CLOCK_PROCESS_CPUTIME_ID) - ms(CLOCK_THREAD_CPUTIME_ID); };
  const double before = others();
  wait();
  return others() - before;
}

TEST(YieldPoint, HelpersSleepWhileTheRunIsStopped) {
  if (platform::usable_cpus() < 2) GTEST_SKIP() << "no second CPU for a helper";
  Runner plain(mixed_program()), runner(mixed_program(), 2);
  ASSERT_TRUE(plain.run().ok());
  double most_ms = 0;
  int stops = 0;
  Asked asked([&] {
    if (++stops < 2) return;  // the helper is awake after the first step
    sleep_ms(1);              // and may go to sleep
    most_ms = std::max(most_ms, cpu_ms_of_others_while([] { sleep_ms(30); }));
  });
  const auto run = [&](bool rest) {
    stops = 0;
    ASSERT_TRUE(runner.run({.yield = &asked.point, .rest_while_stopped = rest}).ok());
    EXPECT_EQ(runner.answer(), plain.answer());
  };
  for (int i = 0; i < 3; ++i) run(true);
  EXPECT_LT(most_ms, 10);
  // The canary: a helper that stays awake is seen, once the machine lets it run.
  for (const int64_t end = platform::now_ns() + kPatienceNs; most_ms < 10 && platform::now_ns() < end;) run(false);
  if (most_ms < 10) GTEST_SKIP() << "the machine was too busy to let a helper run";
}

}  // namespace
}  // namespace tercel::engine
