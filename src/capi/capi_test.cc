#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "engine/allocation_counter.h"
#include "engine/test_program.h"
#include "plan/plan.h"
#include "platform/small_lock_limit.h"
#include "tercel/operator.h"
#include "tercel/tercel.h"

// Through the C functions alone, as a program that links the library sees them.
namespace tercel {
namespace {

using testing::HasSubstr;

// Writes plans into a folder of its own.
class Capi : public testing::Test {
 protected:
  Capi() {
    std::string pattern = std::filesystem::temp_directory_path() / "tercel-capi-XXXXXX";
    check(mkdtemp(pattern.data()) != nullptr, "a folder for the test");
    folder_ = pattern;
  }
  ~Capi() override {
    tercel_binding_close(binding_);
    tercel_session_close(session_);
    tercel_plan_close(plan_);
    std::filesystem::remove_all(folder_);
  }

  std::string write(engine::GraphMaker graph, std::vector<std::string> symbols = {}) {
    const std::string path = folder_ / "model.plan";
    check(plan::write(*engine::program_of(std::move(graph), std::move(symbols)), path).ok(), "a plan for the test");
    return path;
  }

  // y = x + w, of 4 floats; opened up to a binding.
  static engine::GraphMaker add() {
    engine::GraphMaker g;
    g.output(g.node("Add", {g.input("x", DType::kFloat32, {Dim(4)}), g.floats({Dim(4)}, {1, 2, 3, 4})}));
    return g;
  }
  // The same with any number of rows, which is also returned as NonZero of y: as many as data say.
  static engine::GraphMaker rows() {
    engine::GraphMaker g;
    const auto y = g.node("Relu", {g.input("x", DType::kFloat32, {Dim::symbol(0)})});
    g.output(y);
    g.output(g.node("NonZero", {y}));
    g.declare(g.graph.outputs[1], DType::kInt64, {Dim(1), Dim::unknown()});
    return g;
  }

  void open(engine::GraphMaker graph, std::vector<std::string> symbols = {}, const tercel_shape* shape = nullptr) {
    ASSERT_EQ(tercel_plan_open(write(std::move(graph), std::move(symbols)).c_str(), &plan_, &error_), TERCEL_OK)
        << error_.message;
    tercel_session_options options = TERCEL_INIT(tercel_session_options);
    options.threads = 1;
    ASSERT_EQ(tercel_session_open(plan_, &options, &session_, &error_), TERCEL_OK) << error_.message;
    ASSERT_EQ(tercel_binding_open(session_, shape, shape ? 1 : 0, &binding_, &error_), TERCEL_OK) << error_.message;
  }
  void set_buffers() {
    ASSERT_EQ(tercel_binding_set_input(binding_, 0, x_.data(), sizeof x_, &error_), TERCEL_OK) << error_.message;
    ASSERT_EQ(tercel_binding_set_output(binding_, 0, y_.data(), sizeof y_, &error_), TERCEL_OK) << error_.message;
  }

  std::filesystem::path folder_;
  tercel_plan* plan_ = nullptr;
  tercel_session* session_ = nullptr;
  tercel_binding* binding_ = nullptr;
  tercel_error error_ = TERCEL_INIT(tercel_error);
  std::array<float, 4> x_{10, 20, 30, 40}, y_{};
};

TEST_F(Capi, RunsIntoTheCallersBuffers) {
  open(add());
  set_buffers();
  ASSERT_EQ(tercel_run(binding_, nullptr, &error_), TERCEL_OK) << error_.message;
  EXPECT_THAT(y_, testing::ElementsAre(11, 22, 33, 44));
  std::array<float, 4> other{1, 1, 1, 1};
  ASSERT_EQ(tercel_binding_set_input(binding_, 0, other.data(), sizeof other, &error_), TERCEL_OK);
  ASSERT_EQ(tercel_run(binding_, nullptr, nullptr), TERCEL_OK);
  EXPECT_THAT(y_, testing::ElementsAre(2, 3, 4, 5));
}

TEST_F(Capi, ShowsWhereTheSessionPutsOutputsWithoutABuffer) {
  open(add());
  ASSERT_EQ(tercel_binding_set_input(binding_, 0, x_.data(), sizeof x_, &error_), TERCEL_OK);
  tercel_tensor y = TERCEL_INIT(tercel_tensor);
  ASSERT_EQ(tercel_binding_output(binding_, 0, &y), TERCEL_OK);
  EXPECT_EQ(y.data, nullptr);
  ASSERT_EQ(tercel_run(binding_, nullptr, &error_), TERCEL_OK);
  ASSERT_EQ(tercel_binding_output(binding_, 0, &y), TERCEL_OK);
  EXPECT_EQ(y.dtype, TERCEL_FLOAT32);
  EXPECT_EQ(y.rank, 1);
  EXPECT_EQ(y.dims[0], 4);
  EXPECT_EQ(y.bytes, 16u);
  EXPECT_EQ(static_cast<float*>(y.data)[3], 44);
}

TEST_F(Capi, DescribesInputsAndOutputs) {
  const tercel_shape shape{1, {3}};
  open(rows(), {"n"}, &shape);
  ASSERT_EQ(tercel_plan_input_count(plan_), 1u);
  ASSERT_EQ(tercel_plan_output_count(plan_), 2u);
  tercel_tensor_info info = TERCEL_INIT(tercel_tensor_info);
  ASSERT_EQ(tercel_plan_input(plan_, 0, &info), TERCEL_OK);
  EXPECT_STREQ(info.name, "x");
  EXPECT_EQ(info.rank, 1);
  EXPECT_EQ(info.dims[0], -1);
  EXPECT_GE(info.high[0], 3);
  EXPECT_EQ(tercel_plan_input(plan_, 1, &info), TERCEL_NOT_FOUND);
  EXPECT_EQ(tercel_plan_output(plan_, 2, &info), TERCEL_NOT_FOUND);
}

TEST_F(Capi, SizesThatDependOnDataAreToldAfterTheRun) {
  const tercel_shape shape{1, {3}};
  open(rows(), {"n"}, &shape);
  const float x[3] = {1, -1, 2};
  ASSERT_EQ(tercel_binding_set_input(binding_, 0, x, sizeof x, &error_), TERCEL_OK);
  int64_t room[3];
  EXPECT_EQ(tercel_binding_set_output(binding_, 1, room, sizeof room, &error_), TERCEL_INVALID);
  EXPECT_THAT(error_.message, HasSubstr("depends on data"));
  ASSERT_EQ(tercel_run(binding_, nullptr, &error_), TERCEL_OK) << error_.message;
  tercel_tensor indices = TERCEL_INIT(tercel_tensor);
  ASSERT_EQ(tercel_binding_output(binding_, 1, &indices), TERCEL_OK);
  EXPECT_EQ(indices.dims[1], 2);
  EXPECT_EQ(static_cast<int64_t*>(indices.data)[1], 2);
}

// What an earlier run of the same shapes made says nothing of the next one.
TEST_F(Capi, SizesThatDependOnDataStayUnknownToOtherBindings) {
  const tercel_shape shape{1, {3}};
  open(rows(), {"n"}, &shape);
  const float x[3] = {1, -1, 2};
  ASSERT_EQ(tercel_binding_set_input(binding_, 0, x, sizeof x, &error_), TERCEL_OK);
  ASSERT_EQ(tercel_run(binding_, nullptr, &error_), TERCEL_OK) << error_.message;
  tercel_binding* other = nullptr;
  ASSERT_EQ(tercel_binding_open(session_, &shape, 1, &other, &error_), TERCEL_OK) << error_.message;
  tercel_tensor indices = TERCEL_INIT(tercel_tensor);
  ASSERT_EQ(tercel_binding_output(other, 1, &indices), TERCEL_OK);
  EXPECT_EQ(indices.dims[1], -1);
  EXPECT_EQ(indices.bytes, 0u);
  EXPECT_EQ(indices.data, nullptr);
  int64_t room[2];
  EXPECT_EQ(tercel_binding_set_output(other, 1, room, sizeof room, &error_), TERCEL_INVALID);
  EXPECT_THAT(error_.message, HasSubstr("depends on data"));
  float y[3];
  EXPECT_EQ(tercel_binding_set_output(other, 0, y, sizeof y, &error_), TERCEL_OK) << error_.message;
  tercel_binding_close(other);
}

// The model says how large an output is, and is wrong: only a run tells.
TEST_F(Capi, DeclaredSizesAreNoPromise) {
  engine::GraphMaker g;
  g.output(g.node("NonZero", {g.input("x", DType::kFloat32, {Dim(4)})}));
  g.declare(g.graph.outputs[0], DType::kInt64, {Dim(1), Dim(3)});
  open(std::move(g));
  int64_t room[3];
  EXPECT_EQ(tercel_binding_set_output(binding_, 0, room, sizeof room, &error_), TERCEL_INVALID);
  EXPECT_THAT(error_.message, HasSubstr("depends on data"));
  tercel_tensor y = TERCEL_INIT(tercel_tensor);
  ASSERT_EQ(tercel_binding_output(binding_, 0, &y), TERCEL_OK);
  EXPECT_EQ(y.bytes, 0u);
  ASSERT_EQ(tercel_binding_set_input(binding_, 0, x_.data(), sizeof x_, &error_), TERCEL_OK);
  ASSERT_EQ(tercel_run(binding_, nullptr, &error_), TERCEL_OK) << error_.message;
  ASSERT_EQ(tercel_binding_output(binding_, 0, &y), TERCEL_OK);
  EXPECT_EQ(y.dims[1], 4);
  EXPECT_EQ(y.bytes, 32u);
}

TEST_F(Capi, BindingsCloseWhileAnotherThreadRuns) {
  open(add());
  set_buffers();
  std::atomic<bool> stop{false};
  std::jthread runner([&] {
    while (!stop) (void)tercel_run(binding_, nullptr, nullptr);
  });
  int opened = 0;
  for (const int64_t end = tercel_now_ns() + 30'000'000'000; opened < 100 && tercel_now_ns() < end;) {
    tercel_binding* other = nullptr;
    if (tercel_binding_open(session_, nullptr, 0, &other, &error_) != TERCEL_OK) continue;  // busy
    ++opened;
    tercel_binding_close(other);
  }
  stop = true;
  EXPECT_EQ(opened, 100);
}

TEST_F(Capi, LocksMemoryWhereItIsAskedTo) {
  ASSERT_EQ(tercel_plan_open(write(add()).c_str(), &plan_, &error_), TERCEL_OK) << error_.message;
  tercel_session_options options = TERCEL_INIT(tercel_session_options);
  options.threads = 1;
  options.lock_memory = 1;
  const platform::SmallLockLimit limit(0);
  if (!limit.works()) GTEST_SKIP() << "this process may not change its limit, or a sanitizer does as if it locked";
  ASSERT_EQ(tercel_session_open(plan_, &options, &session_, &error_), TERCEL_OK) << error_.message;
  EXPECT_EQ(tercel_binding_open(session_, nullptr, 0, &binding_, &error_), TERCEL_EXHAUSTED);
  EXPECT_THAT(error_.message, HasSubstr("CAP_IPC_LOCK"));
  // An older header, which ends before it, with something else behind it.
  tercel_session_close(std::exchange(session_, nullptr));
  options.struct_size = offsetof(tercel_session_options, lock_memory);
  ASSERT_EQ(tercel_session_open(plan_, &options, &session_, &error_), TERCEL_OK) << error_.message;
  EXPECT_EQ(tercel_binding_open(session_, nullptr, 0, &binding_, &error_), TERCEL_OK) << error_.message;
}

TEST_F(Capi, StopsAtADeadlineAndTellsTimes) {
  open(add());
  set_buffers();
  std::array<int64_t, 8> step_ns;
  step_ns.fill(-1);
  tercel_times times = TERCEL_INIT(tercel_times);
  times.step_ns = step_ns.data();
  times.step_capacity = step_ns.size();
  tercel_run_options options = TERCEL_INIT(tercel_run_options);
  options.times = &times;
  options.deadline_ns = tercel_now_ns() + 60'000'000'000;
  ASSERT_EQ(tercel_run(binding_, &options, &error_), TERCEL_OK) << error_.message;
  EXPECT_GT(times.end_ns, times.start_ns);
  ASSERT_EQ(tercel_binding_step_count(binding_), 1u);
  EXPECT_GE(step_ns[0], 0);
  EXPECT_EQ(step_ns[1], -1);
  options.deadline_ns = 1;
  EXPECT_EQ(tercel_run(binding_, &options, &error_), TERCEL_DEADLINE);
  EXPECT_STREQ(error_.message, "deadline passed");
  tercel_step_info step = TERCEL_INIT(tercel_step_info);
  ASSERT_EQ(tercel_binding_step(binding_, 0, &step), TERCEL_OK);
  EXPECT_STREQ(step.op, "Add");
  EXPECT_EQ(tercel_binding_step(binding_, 1, &step), TERCEL_NOT_FOUND);
}

TEST_F(Capi, CancelStopsTheRunInProgressOnly) {
  engine::GraphMaker main, body;
  const auto x = main.input("x", DType::kFloat32, {Dim(1)});
  main.output(main.node("Loop", {plan::kNoValue, plan::kNoValue, x}, engine::attributes_of({{"body", ops::GraphRef{1}}})));
  body.input("i", DType::kInt64, {});
  body.output(body.input("c", DType::kBool, {}));
  body.output(body.node("Neg", {body.input("y", DType::kFloat32, {Dim(1)})}));
  auto program = engine::program_of(std::move(main));
  program->graphs.push_back(body.graph);
  const std::string path = folder_ / "loop.plan";
  ASSERT_TRUE(plan::write(*program, path).ok());
  ASSERT_EQ(tercel_plan_open(path.c_str(), &plan_, &error_), TERCEL_OK) << error_.message;
  ASSERT_EQ(tercel_session_open(plan_, nullptr, &session_, &error_), TERCEL_OK);
  ASSERT_EQ(tercel_binding_open(session_, nullptr, 0, &binding_, &error_), TERCEL_OK);
  ASSERT_EQ(tercel_binding_set_input(binding_, 0, x_.data(), sizeof(float), &error_), TERCEL_OK);
  tercel_cancel(binding_);  // nothing runs: forgotten
  std::atomic<bool> ended{false};
  std::thread canceller([&] {
    while (!ended) tercel_cancel(binding_), std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  EXPECT_EQ(tercel_run(binding_, nullptr, &error_), TERCEL_CANCELLED);
  ended = true;
  canceller.join();
}

TEST_F(Capi, RefusesMemoryThatDoesNotFit) {
  open(add());
  EXPECT_EQ(tercel_run(binding_, nullptr, &error_), TERCEL_INVALID);
  EXPECT_THAT(error_.message, HasSubstr("input 0 has no memory"));
  EXPECT_EQ(tercel_binding_set_input(binding_, 0, x_.data(), 12, &error_), TERCEL_INVALID);
  EXPECT_THAT(error_.message, HasSubstr("takes 16 bytes, not 12"));
  EXPECT_EQ(tercel_binding_set_input(binding_, 0, reinterpret_cast<char*>(x_.data()) + 1, 16, &error_), TERCEL_INVALID);
  EXPECT_THAT(error_.message, HasSubstr("aligned"));
  EXPECT_EQ(tercel_binding_set_input(binding_, 0, nullptr, 16, &error_), TERCEL_INVALID);
  EXPECT_EQ(tercel_binding_set_input(binding_, 1, x_.data(), 16, &error_), TERCEL_NOT_FOUND);
  ASSERT_EQ(tercel_binding_set_input(binding_, 0, x_.data(), 16, &error_), TERCEL_OK);
  EXPECT_EQ(tercel_binding_set_output(binding_, 0, x_.data(), 16, &error_), TERCEL_INVALID);
  EXPECT_THAT(error_.message, HasSubstr("overlaps that of input 0"));
  std::array<float, 7> both{};
  ASSERT_EQ(tercel_binding_set_output(binding_, 0, both.data(), 16, &error_), TERCEL_OK);
  EXPECT_EQ(tercel_binding_set_input(binding_, 0, both.data() + 3, 16, &error_), TERCEL_INVALID);
  EXPECT_THAT(error_.message, HasSubstr("overlaps that of output 0"));
}

TEST_F(Capi, RefusesAHeaderThatDoesNotSayItsSize) {
  open(add());
  set_buffers();
  tercel_run_options options{};
  EXPECT_EQ(tercel_run(binding_, &options, &error_), TERCEL_INVALID);
  EXPECT_THAT(error_.message, HasSubstr("TERCEL_INIT"));
  tercel_session_options wanted{};
  tercel_session* other = nullptr;
  EXPECT_EQ(tercel_session_open(plan_, &wanted, &other, &error_), TERCEL_INVALID);
  EXPECT_EQ(other, nullptr);
  tercel_tensor tensor{};
  EXPECT_EQ(tercel_binding_output(binding_, 0, &tensor), TERCEL_INVALID);
}

TEST_F(Capi, KnowsHeadersOfOtherVersions) {
  open(add());
  set_buffers();
  // An older header, which ends before `times`, with something else behind it.
  tercel_run_options older = TERCEL_INIT(tercel_run_options);
  older.struct_size = offsetof(tercel_run_options, times);
  older.times = reinterpret_cast<tercel_times*>(1);
  EXPECT_EQ(tercel_run(binding_, &older, &error_), TERCEL_OK);
  // A newer one, with more members than this library knows.
  struct {
    tercel_run_options known;
    int64_t more;
  } newer{{sizeof newer, 0, nullptr}, 7};
  EXPECT_EQ(tercel_run(binding_, &newer.known, &error_), TERCEL_OK);
  tercel_error small = TERCEL_INIT(tercel_error);
  small.struct_size = offsetof(tercel_error, message) + 5;
  small.message[5] = 'x';
  tercel_plan* none = nullptr;
  EXPECT_EQ(tercel_plan_open("/nowhere", &none, &small), TERCEL_NOT_FOUND);
  EXPECT_EQ(std::strlen(small.message), 4u);
  EXPECT_EQ(small.message[5], 'x');
}

TEST_F(Capi, SaysWhyAPlanCannotBeOpened) {
  EXPECT_EQ(tercel_plan_open((folder_ / "absent.plan").c_str(), &plan_, &error_), TERCEL_NOT_FOUND);
  EXPECT_THAT(error_.message, HasSubstr("absent.plan"));
  EXPECT_EQ(tercel_plan_open(nullptr, &plan_, &error_), TERCEL_INVALID);
  alignas(64) const char nonsense[64] = "not a plan";
  EXPECT_EQ(tercel_plan_open_image(nonsense, sizeof nonsense, &plan_, &error_), TERCEL_INVALID);
  EXPECT_EQ(tercel_plan_open_image(nonsense + 1, 8, &plan_, &error_), TERCEL_INVALID);
  EXPECT_THAT(error_.message, HasSubstr("multiple of 64"));
  EXPECT_EQ(plan_, nullptr);
}

TEST_F(Capi, RefusesShapesThatThePlanDoesNotServe) {
  const tercel_shape three{1, {3}};
  open(rows(), {"n"}, &three);
  tercel_binding* other = nullptr;
  const tercel_shape bad[] = {{2, {3, 1}}, {9, {}}, {-1, {}}, {1, {-3}}};
  for (const tercel_shape& shape : bad) {
    EXPECT_EQ(tercel_binding_open(session_, &shape, 1, &other, &error_), TERCEL_INVALID);
    EXPECT_EQ(other, nullptr);
  }
  EXPECT_EQ(tercel_binding_open(session_, &three, 0, &other, &error_), TERCEL_INVALID);
  EXPECT_EQ(tercel_binding_open(session_, nullptr, 0, &other, &error_), TERCEL_INVALID);
  EXPECT_THAT(error_.message, HasSubstr("one shape per input"));
}

TEST_F(Capi, HandlesCloseInAnyOrder) {
  open(add());
  set_buffers();
  tercel_plan_close(std::exchange(plan_, nullptr));
  tercel_session_close(std::exchange(session_, nullptr));
  std::filesystem::remove_all(folder_);  // a mapped plan stays
  EXPECT_EQ(tercel_run(binding_, nullptr, &error_), TERCEL_OK);
  EXPECT_EQ(y_[0], 11);
  tercel_plan_close(nullptr);
  tercel_session_close(nullptr);
  tercel_binding_close(nullptr);
  tercel_cancel(nullptr);
}

TEST_F(Capi, ASecondThreadIsToldToWait) {
  engine::GraphMaker g;
  auto x = g.input("x", DType::kFloat32, {Dim(1 << 16)});
  for (int i = 0; i < 200; ++i) x = g.node("Sin", {x});
  g.output(x);
  open(std::move(g));
  const std::vector<float> data(1 << 16, 1.0f);
  ASSERT_EQ(tercel_binding_set_input(binding_, 0, data.data(), data.size() * 4, &error_), TERCEL_OK);
  std::atomic<bool> stop{false};
  std::thread runner([&] {
    while (!stop) (void)tercel_run(binding_, nullptr, nullptr);
  });
  tercel_status status = TERCEL_OK;
  const uint64_t before = engine::allocations();
  for (const int64_t end = tercel_now_ns() + 30'000'000'000; status != TERCEL_BUSY && tercel_now_ns() < end;)
    status = tercel_run(binding_, nullptr, &error_);
  EXPECT_EQ(engine::allocations() - before, 0u);  // sanitizers count none
  stop = true;
  runner.join();
  EXPECT_EQ(status, TERCEL_BUSY);
  EXPECT_THAT(error_.message, HasSubstr("a session of its own"));
}

TEST_F(Capi, RunAllocatesNothing) {
  if (!engine::counts_allocations()) GTEST_SKIP() << "sanitizers replace the allocator";
  open(add());
  set_buffers();
  tercel_times times = TERCEL_INIT(tercel_times);
  tercel_run_options options = TERCEL_INIT(tercel_run_options);
  options.times = &times;
  options.deadline_ns = INT64_MAX;
  (void)tercel_run(binding_, nullptr, &error_);
  const uint64_t before = engine::allocations();
  for (int i = 0; i < 100; ++i) (void)tercel_run(binding_, i % 2 ? &options : nullptr, &error_);
  options.deadline_ns = 1;
  EXPECT_EQ(tercel_run(binding_, &options, &error_), TERCEL_DEADLINE);
  EXPECT_EQ(tercel_binding_set_input(binding_, 0, y_.data(), 16, &error_), TERCEL_INVALID);
  EXPECT_EQ(engine::allocations() - before, 0u);
}

tercel_status infer_like_x(const tercel_operator_node* node, tercel_error*) {
  node->outputs[0]->dtype = node->inputs[0]->dtype;
  node->outputs[0]->rank = node->inputs[0]->rank;
  std::copy_n(node->inputs[0]->dims, TERCEL_RANK_MAX, node->outputs[0]->dims);
  return TERCEL_OK;
}

tercel_status run_unless_negative(void*, const tercel_operator_run* run, tercel_error* error) {
  const auto* x = static_cast<const float*>(run->inputs[0]);
  if (x[0] < 0) {
    std::snprintf(error->message, sizeof error->message, "x is negative");
    return TERCEL_INVALID;
  }
  std::copy_n(x, 4, static_cast<float*>(run->outputs[0]));
  return TERCEL_OK;
}

TEST_F(Capi, OperatorsOfTheCallerRunAndFail) {
  static const tercel_operator op = {
      sizeof(tercel_operator), "capi.test", "Positive", "", 1, 1, 1, 1, infer_like_x, nullptr, run_unless_negative, nullptr};
  const tercel_operator* const operators[] = {&op};
  EXPECT_EQ(tercel_operators_add(nullptr, 1, &error_), TERCEL_INVALID);
  ASSERT_EQ(tercel_operators_add(operators, 1, &error_), TERCEL_OK) << error_.message;
  EXPECT_EQ(tercel_operators_load(nullptr, &error_), TERCEL_INVALID);
  EXPECT_EQ(tercel_operators_load("/nowhere/operators.so", &error_), TERCEL_NOT_FOUND);
  EXPECT_THAT(error_.message, HasSubstr("/nowhere/operators.so"));
  engine::GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim(4)});
  g.output(g.node("tercel.Custom", {x}, engine::attributes_of({{"tercel.operator", std::string("capi.test.Positive")}})));
  open(std::move(g));
  set_buffers();
  ASSERT_EQ(tercel_run(binding_, nullptr, &error_), TERCEL_OK);
  EXPECT_EQ(y_, x_);
  x_[0] = -1;
  EXPECT_EQ(tercel_run(binding_, nullptr, &error_), TERCEL_INVALID);
  EXPECT_THAT(error_.message, HasSubstr("(capi.test.Positive): x is negative"));
  x_[0] = 1;
  EXPECT_EQ(tercel_run(binding_, nullptr, &error_), TERCEL_OK);
  tercel_step_info step = TERCEL_INIT(tercel_step_info);
  ASSERT_EQ(tercel_binding_step(binding_, 0, &step), TERCEL_OK);
  EXPECT_STREQ(step.op, "capi.test.Positive");
}

TEST(CapiNames, AreComplete) {
  EXPECT_EQ(tercel_api_version(), uint32_t{TERCEL_API_VERSION});
  EXPECT_STREQ(tercel_version(), "0.1.0");
  EXPECT_STREQ(tercel_status_name(TERCEL_INTERNAL), "internal");
  EXPECT_STREQ(tercel_status_name(-1), "unknown");
  for (int i = 0; i < kDTypeCount; ++i) EXPECT_EQ(tercel_dtype_size(i), dtype_size(static_cast<DType>(i)));
  EXPECT_EQ(tercel_dtype_size(kDTypeCount), 0u);
  EXPECT_EQ(TERCEL_RANK_MAX, kRankMax);
}

}  // namespace
}  // namespace tercel
