#include "custom/spin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <time.h>

#include "engine/test_program.h"
#include "ops/custom.h"

namespace tercel::custom {
namespace {

using engine::GraphMaker;
using engine::Session;
using testing::HasSubstr;

std::unique_ptr<Session> open(ops::AttributeValue us, ops::AttributeValue factor) {
  check(add_test_operators().ok() && add_test_operators().ok(), "the operator of the test");
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim::symbol(0), Dim(2)});
  g.output(g.node("tercel.Custom", {x},
                  engine::attributes_of({{std::string(ops::kCustomOperator), std::string("tercel.test.Spin")},
                                         {"us", std::move(us)},
                                         {"batch_factor", std::move(factor)}})));
  return Session::open(engine::program_of(std::move(g), {"batch"}), {.threads = 1}).take();
}

double cpu_us() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

TEST(Spin, PassesItsInputOnAndCostsWhatItSays) {
  const auto session = open(2000.0f, 0.5f);
  for (const int rows : {1, 3}) {
    std::vector<float> values(static_cast<size_t>(2 * rows), 0.25f);
    values.back() = 7;
    const Tensor x = engine::tensor_of({Dim(rows), Dim(2)}, values);
    (void)run_once_for_test(*session, {x});
    const double before = cpu_us();
    EXPECT_EQ(engine::floats_of(run_once_for_test(*session, {x}).value()[0]), values);
    const double cost = 2000 * (1 + 0.5 * (rows - 1)), taken = cpu_us() - before;
    EXPECT_GE(taken, cost);
    EXPECT_LT(taken, 2 * cost + 1000);  // of CPU time: waiting for the machine is not counted
  }
  const auto none = run_once_for_test(*session, {engine::tensor_of({Dim(0), Dim(2)}, {})});
  ASSERT_TRUE(none.ok());
  EXPECT_EQ((*none)[0].elements(), 0);
}

TEST(Spin, RefusesCostsThatAreNone) {
  const auto refusal = [](ops::AttributeValue us, ops::AttributeValue factor, int64_t rows = 1) {
    const auto bound = open(std::move(us), std::move(factor))->bind(std::vector<Shape>{{Dim(rows), Dim(2)}});
    return bound.ok() ? "" : bound.error().message();
  };
  EXPECT_EQ(refusal(0.0f, 0.0f), "");
  EXPECT_THAT(refusal(int64_t{5}, 0.0f), HasSubstr("us, a float"));
  EXPECT_THAT(refusal(-1.0f, 0.0f), HasSubstr("us must be"));
  EXPECT_THAT(refusal(1e9f, 0.0f), HasSubstr("us must be"));
  EXPECT_THAT(refusal(1.0f, 2.0f), HasSubstr("batch_factor must be 0 to 1"));
  EXPECT_THAT(refusal(1.0f, int64_t{0}), HasSubstr("batch_factor must be a float"));
  EXPECT_THAT(refusal(5e7f, 1.0f, 100), HasSubstr("more than a minute"));
}

TEST(Spin, IsNobodysToReplace) {
  ASSERT_TRUE(add_test_operators().ok());
  tercel_operator other = *ops::find_custom_operator("tercel.test", "Spin");
  const tercel_operator* const list[] = {&other};
  EXPECT_FALSE(ops::add_custom_operators(list).ok());
}

}  // namespace
}  // namespace tercel::custom
