#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "engine/control_flow.h"
#include "engine/test_program.h"
#include "platform/clock.h"

// Regions that end where only data tell sizes, and control flow.
namespace tercel::engine {
namespace {

using plan::ValueId;
using testing::ElementsAre;
using testing::HasSubstr;

std::unique_ptr<Session> open(std::shared_ptr<const plan::Program> program) {
  return Session::open(std::move(program), {.threads = 1}).take();
}

std::vector<int64_t> run_ints(Session& session, const std::vector<Tensor>& inputs, size_t output = 0) {
  return as_ints(run_once_for_test(session, inputs).value()[output]);
}

TEST(DataDependent, SizesFollowTheData) {
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim(5)});
  const auto y = g.node("Relu", {x});
  const auto places = g.node("Squeeze", {g.node("NonZero", {y}), g.ints({0})});
  const auto found = g.node("Gather", {y, places}, attributes_of({{"axis", int64_t{0}}}));
  g.declare(found, DType::kFloat32, {Dim::unknown()});
  g.output(g.node("Add", {found, g.floats({Dim(1)}, {100})}));
  g.output(y);
  g.output(g.node("Shape", {found}));
  const auto session = open(program_of(std::move(g)));
  const auto three = run_once_for_test(*session, {tensor_of({Dim(5)}, {1, 0, 3, -4, 5})}).take();
  EXPECT_THAT(floats_of(three[0]), ElementsAre(101, 103, 105));
  EXPECT_THAT(floats_of(three[1]), ElementsAre(1, 0, 3, 0, 5));
  EXPECT_THAT(as_ints(three[2]), ElementsAre(3));
  EXPECT_EQ(run_once_for_test(*session, {tensor_of({Dim(5)}, {0, 0, 0, 0, -1})}).value()[0].elements(), 0);
  EXPECT_THAT(floats_of(run_once_for_test(*session, {tensor_of({Dim(5)}, {0, 2, 0, 0, -1})}).value()[0]), ElementsAre(102));
  EXPECT_THAT(floats_of(run_once_for_test(*session, {tensor_of({Dim(5)}, {9, 0, 8, 0, 7})}).value()[0]),
              ElementsAre(109, 108, 107));
}

TEST(DataDependent, OutputTypesAndBuffersSayWhatIsUnknown) {
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim(4)});
  const auto places = g.node("NonZero", {x});
  g.declare(places, DType::kInt64, {Dim(1), Dim::unknown()});
  g.output(places);
  const auto session = open(program_of(std::move(g)));
  const Binding& binding = *session->bind(std::vector<Shape>{{Dim(4)}}).value();
  EXPECT_EQ(session->output_types(binding)[0], (TensorType{DType::kInt64, {Dim(1), Dim::unknown()}}));
  const float data[4] = {0, 1, 1, 0};
  const InputView input{{DType::kFloat32, {Dim(4)}}, data};
  OutputView output;
  int64_t buffer[4];
  void* const buffers[] = {buffer};
  EXPECT_THAT(session->run(binding, {&input, 1}, buffers, {&output, 1}).error().message(), HasSubstr("depends on data"));
  ASSERT_TRUE(session->run(binding, {&input, 1}, {}, {&output, 1}).ok());
  EXPECT_EQ(output.type.shape, (Shape{Dim(1), Dim(2)}));
  EXPECT_EQ(session->output_types(binding)[0].shape, (Shape{Dim(1), Dim::unknown()}));  // the next run may make another size
  EXPECT_FALSE(session->has_fixed_size(binding, 0));
  EXPECT_EQ(session->steps(binding).size(), 1u);
}

TEST(DataDependent, ShapesComeFromInputs) {
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim(6)});
  const auto shape = g.input("shape", DType::kInt64, {Dim(2)});
  g.output(g.node("Relu", {g.node("Reshape", {g.node("Relu", {x}), shape})}));
  const auto session = open(program_of(std::move(g)));
  const auto x_data = tensor_of({Dim(6)}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(run_once_for_test(*session, {x_data, ints_of({Dim(2)}, {2, 3})}).value()[0].shape(), (Shape{Dim(2), Dim(3)}));
  EXPECT_EQ(run_once_for_test(*session, {x_data, ints_of({Dim(2)}, {-1, 1})}).value()[0].shape(), (Shape{Dim(6), Dim(1)}));
  EXPECT_THAT(run_once_for_test(*session, {x_data, ints_of({Dim(2)}, {4, 4})}).error().message(),
              HasSubstr("node 'Reshape_1' (Reshape)"));
}

// if c then x + w else x, with w captured.
std::shared_ptr<plan::Program> if_program() {
  GraphMaker main, then_branch, else_branch;
  const auto x = main.input("x", DType::kFloat32, {Dim::symbol(0)});
  const auto c = main.input("c", DType::kBool, {});
  const auto y = main.node("Relu", {x});
  const auto w = main.floats({Dim(1)}, {10});
  main.output(main.node(
      "Neg", {main.node("If", {c, y, w},
                        attributes_of(
                            {{"captures", int64_t{2}}, {"then_branch", ops::GraphRef{1}}, {"else_branch", ops::GraphRef{2}}}))}));
  for (GraphMaker* g : {&then_branch, &else_branch}) {
    const auto a = g->input("a", DType::kFloat32, {}), b = g->input("b", DType::kFloat32, {});
    g->output(g == &then_branch ? g->node("Add", {a, b}) : a);
  }
  auto program = program_of(std::move(main), {"n"});
  program->graphs.push_back(then_branch.graph);
  program->graphs.push_back(else_branch.graph);
  return program;
}

TEST(ControlFlow, IfTakesOneBranch) {
  const auto session = open(if_program());
  const auto x = tensor_of({Dim(2)}, {1, -2});
  EXPECT_THAT(floats_of(run_once_for_test(*session, {x, truth_of(true)}).value()[0]), ElementsAre(-11, -10));
  EXPECT_THAT(floats_of(run_once_for_test(*session, {x, truth_of(false)}).value()[0]), ElementsAre(-1, -0.0f));
  EXPECT_THAT(floats_of(run_once_for_test(*session, {tensor_of({Dim(1)}, {3}), truth_of(true)}).value()[0]), ElementsAre(-13));
}

// Loop over (trip count, condition, sum) with body: sum += step (captured); scanned: sum; goes on while sum < limit (captured).
std::shared_ptr<plan::Program> loop_program() {
  GraphMaker main, body;
  const auto trips = main.input("trips", DType::kInt64, {});
  const auto start = main.input("start", DType::kFloat32, {Dim(2)});
  const auto step = main.floats({Dim(2)}, {1, 2});
  const auto limit = main.floats({}, {100});
  const auto out = main.nodes("Loop", {trips, plan::kNoValue, start, step, limit}, 2,
                              attributes_of({{"captures", int64_t{2}}, {"body", ops::GraphRef{1}}}));
  main.output(out[0]);
  main.output(main.node("Identity", {out[1]}));

  body.input("i", DType::kInt64, {});
  body.input("c", DType::kBool, {});
  const auto sum = body.input("sum", DType::kFloat32, {Dim(2)});
  const auto captured_step = body.input("step", DType::kFloat32, {Dim(2)});
  const auto captured_limit = body.input("limit", DType::kFloat32, {});
  const auto next = body.node("Add", {sum, captured_step});
  const auto first = body.node("Gather", {next, body.scalar(0)}, attributes_of({{"axis", int64_t{0}}}));
  body.output(body.node("Less", {first, captured_limit}));
  body.output(next);
  body.declare(next, DType::kFloat32, {Dim(2)});
  body.output(next);
  auto program = program_of(std::move(main));
  program->graphs.push_back(body.graph);
  return program;
}

TEST(ControlFlow, LoopCarriesStopsAndStacks) {
  const auto session = open(loop_program());
  const auto run = [&](int64_t trips, float start) {
    return run_once_for_test(*session, {ints_of({}, {trips}), tensor_of({Dim(2)}, {start, 0})}).take();
  };
  const auto three = run(3, 0);
  EXPECT_THAT(floats_of(three[0]), ElementsAre(3, 6));
  EXPECT_EQ(three[1].shape(), (Shape{Dim(3), Dim(2)}));
  EXPECT_THAT(floats_of(three[1]), ElementsAre(1, 2, 2, 4, 3, 6));
  const auto stopped = run(1000, 98);  // 99 goes on, 100 does not
  EXPECT_THAT(floats_of(stopped[0]), ElementsAre(100, 4));
  EXPECT_EQ(stopped[1].shape(), (Shape{Dim(2), Dim(2)}));
  const auto none = run(0, 5);
  EXPECT_THAT(floats_of(none[0]), ElementsAre(5, 0));
  EXPECT_EQ(none[1].shape(), (Shape{Dim(0), Dim(2)}));
  EXPECT_THAT(floats_of(run(4, 0)[1]), ElementsAre(1, 2, 2, 4, 3, 6, 4, 8));
}

// Appends the iteration number to a growing list: the carried shape changes each time; the loop is inside an If.
TEST(ControlFlow, LoopMayGrowItsValuesAndNest) {
  GraphMaker main, branch, other, body;
  const auto c = main.input("c", DType::kBool, {});
  const auto trips = main.input("trips", DType::kInt64, {});
  main.output(
      main.node("If", {c, trips},
                attributes_of({{"captures", int64_t{1}}, {"then_branch", ops::GraphRef{1}}, {"else_branch", ops::GraphRef{2}}})));
  const auto n = branch.input("trips", DType::kInt64, {});
  branch.output(branch.node("Loop", {n, branch.truth(true), branch.ints({-7})}, attributes_of({{"body", ops::GraphRef{3}}})));
  const auto shaped = other.node("Reshape", {other.input("trips", DType::kInt64, {}), other.ints({1})});
  other.output(shaped);
  const auto i = body.input("i", DType::kInt64, {});
  const auto go_on = body.input("c", DType::kBool, {});
  const auto list = body.input("list", DType::kInt64, {Dim::unknown()});
  body.output(body.node("Identity", {go_on}));
  body.output(body.node("Concat", {list, body.node("Reshape", {i, body.ints({1})})}, attributes_of({{"axis", int64_t{0}}})));
  auto program = program_of(std::move(main));
  for (GraphMaker* g : {&branch, &other, &body}) program->graphs.push_back(g->graph);
  const auto session = open(program);
  EXPECT_THAT(run_ints(*session, {truth_of(true), ints_of({}, {4})}), ElementsAre(-7, 0, 1, 2, 3));
  EXPECT_THAT(run_ints(*session, {truth_of(true), ints_of({}, {0})}), ElementsAre(-7));
  EXPECT_THAT(run_ints(*session, {truth_of(false), ints_of({}, {4})}), ElementsAre(4));
  EXPECT_EQ(run_ints(*session, {truth_of(true), ints_of({}, {50})}).size(), 51u);  // more shapes than a barrier keeps
}

TEST(ControlFlow, EndlessLoopsStopWhenCancelled) {
  GraphMaker main, body;
  const auto x = main.input("x", DType::kFloat32, {Dim(1)});
  main.output(main.node("Loop", {plan::kNoValue, plan::kNoValue, x}, attributes_of({{"body", ops::GraphRef{1}}})));
  body.input("i", DType::kInt64, {});
  const auto c = body.input("c", DType::kBool, {});
  const auto y = body.input("y", DType::kFloat32, {Dim(1)});
  body.output(c);
  body.output(body.node("Neg", {y}));
  auto program = program_of(std::move(main));
  program->graphs.push_back(body.graph);
  const auto session = open(program);
  std::atomic<bool> cancel{false};
  std::thread canceller([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    cancel = true;
  });
  EXPECT_EQ(run_once_for_test(*session, {tensor_of({Dim(1)}, {1})}, {.cancel = &cancel}).error().code(), ErrorCode::kCancelled);
  canceller.join();
  EXPECT_EQ(
      run_once_for_test(*session, {tensor_of({Dim(1)}, {1})}, {.deadline_ns = platform::now_ns() + 20'000'000}).error().code(),
      ErrorCode::kDeadline);
  EXPECT_EQ(check_iteration({}, kIterationsMax).error().code(), ErrorCode::kLimit);
}

// state += slice; scanned out: state. Over columns or rows, forwards or backwards.
std::shared_ptr<plan::Program> scan_program(int64_t axis, int64_t direction, int64_t output_axis, int64_t output_direction) {
  GraphMaker main, body;
  const auto state = main.input("state", DType::kFloat32, {Dim(2)});
  const auto x = main.input("x", DType::kFloat32, {Dim::symbol(0), Dim::symbol(1)});
  const auto out = main.nodes("Scan", {state, x}, 2,
                              attributes_of({{"num_scan_inputs", int64_t{1}},
                                             {"body", ops::GraphRef{1}},
                                             {"scan_input_axes", std::vector<int64_t>{axis}},
                                             {"scan_input_directions", std::vector<int64_t>{direction}},
                                             {"scan_output_axes", std::vector<int64_t>{output_axis}},
                                             {"scan_output_directions", std::vector<int64_t>{output_direction}}}));
  main.output(out[0]);
  main.output(out[1]);
  const auto sum = body.input("sum", DType::kFloat32, {Dim(2)}), slice = body.input("slice", DType::kFloat32, {Dim(2)});
  const auto next = body.node("Add", {sum, slice});
  body.declare(next, DType::kFloat32, {Dim(2)});
  body.output(next);
  body.output(body.node("Identity", {next}));
  body.declare(body.graph.outputs[1], DType::kFloat32, {Dim(2)});
  auto program = program_of(std::move(main), {"a", "b"});
  program->graphs.push_back(body.graph);
  return program;
}

TEST(ControlFlow, ScanWalksAnyAxisInBothDirections) {
  const auto run = [](int64_t axis, int64_t direction, int64_t output_axis, int64_t output_direction, const Tensor& x) {
    const auto session = open(scan_program(axis, direction, output_axis, output_direction));
    return run_once_for_test(*session, {tensor_of({Dim(2)}, {0, 0}), x}).take();
  };
  const auto rows = tensor_of({Dim(3), Dim(2)}, {1, 10, 2, 20, 3, 30});
  const auto forward = run(0, 0, 0, 0, rows);
  EXPECT_THAT(floats_of(forward[0]), ElementsAre(6, 60));
  EXPECT_THAT(floats_of(forward[1]), ElementsAre(1, 10, 3, 30, 6, 60));
  EXPECT_THAT(floats_of(run(0, 1, 0, 0, rows)[1]), ElementsAre(3, 30, 5, 50, 6, 60));
  EXPECT_THAT(floats_of(run(0, 0, 0, 1, rows)[1]), ElementsAre(6, 60, 3, 30, 1, 10));
  const auto columns = tensor_of({Dim(2), Dim(3)}, {1, 2, 3, 10, 20, 30});
  const auto across = run(1, 0, -1, 0, columns);
  EXPECT_EQ(across[1].shape(), (Shape{Dim(2), Dim(3)}));
  EXPECT_THAT(floats_of(across[1]), ElementsAre(1, 3, 6, 10, 30, 60));
  const auto none = run(0, 0, 0, 0, tensor_of({Dim(0), Dim(2)}, {}));
  EXPECT_EQ(none[1].shape(), (Shape{Dim(0), Dim(2)}));
  EXPECT_THAT(floats_of(none[0]), ElementsAre(0, 0));
}

TEST(ControlFlow, MalformedNodesAreRefusedByName) {
  const auto refusal = [](ops::Attributes attributes, std::string_view op, size_t outputs) {
    GraphMaker main, body;
    const auto a = main.input("a", DType::kFloat32, {Dim(2)}), b = main.input("b", DType::kFloat32, {Dim(2)});
    main.output(main.nodes(op, {a, b}, outputs, std::move(attributes))[0]);
    body.output(body.input("x", DType::kFloat32, {Dim(2)}));
    auto program = program_of(std::move(main));
    program->graphs.push_back(body.graph);
    const auto session = open(program);
    const auto x = tensor_of({Dim(2)}, {1, 2});
    const auto result = run_once_for_test(*session, {x, x});
    return result.ok() ? "" : result.error().message();
  };
  EXPECT_THAT(refusal({}, "If", 1), HasSubstr("node 'If_0' (If): its condition must be one bool"));
  EXPECT_THAT(refusal({}, "Loop", 1), HasSubstr("node 'Loop_0' (Loop): its inputs, outputs and body do not fit"));
  EXPECT_THAT(refusal(attributes_of({{"body", ops::GraphRef{1}}}), "Loop", 1), HasSubstr("trip count must be one integer"));
  EXPECT_THAT(refusal(attributes_of({{"body", ops::GraphRef{1}}, {"num_scan_inputs", int64_t{1}}}), "Scan", 1),
              HasSubstr("has 1 inputs where 2 are given"));
  EXPECT_THAT(refusal(attributes_of({{"body", ops::GraphRef{1}}, {"num_scan_inputs", int64_t{9}}}), "Scan", 1),
              HasSubstr("do not fit"));
}

}  // namespace
}  // namespace tercel::engine
