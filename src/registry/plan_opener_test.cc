#include "registry/plan_opener.h"

#include <gtest/gtest.h>

#include "plan/plan.h"
#include "platform/small_lock_limit.h"
#include "registry/testing_repository.h"

namespace tercel::registry {
namespace {

plan::ProgramValue value_of(std::string name, DType dtype, const Shape& shape) {
  return {.name = std::move(name), .type = {dtype, shape}, .is_constant = false, .constant = {}};
}

plan::ProgramNode node_of(std::string_view op, std::vector<plan::ValueId> inputs, std::vector<plan::ValueId> outputs) {
  plan::ProgramNode node;
  node.op = ops::find_op(op);
  check(node.op != nullptr, "operator of the test");
  node.name = op;
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  return node;
}

// y = x + x, and where = the positions of x's non-zero elements, whose number depends on data.
plan::Program doubling(bool with_positions) {
  plan::Program program;
  program.symbols = {"batch"};
  plan::ProgramGraph graph;
  graph.values = {value_of("x", DType::kFloat32, {Dim::symbol(0), Dim(4)}),
                  value_of("y", DType::kFloat32, {Dim::symbol(0), Dim(4)})};
  graph.nodes = {node_of("Add", {0, 0}, {1})};
  graph.inputs = {0};
  graph.outputs = {1};
  if (with_positions) {
    graph.values.push_back(value_of("where", DType::kInt64, {Dim(2), Dim::unknown()}));
    graph.nodes.push_back(node_of("NonZero", {0}, {2}));
    graph.outputs.push_back(2);
  }
  program.graphs = {std::move(graph)};
  program.profile = {{.name = "x", .dtype = DType::kFloat32, .low = {1, 4}, .high = {8, 4}, .axis_names = {"batch", ""}}};
  return program;
}

struct Opened {
  explicit Opened(const plan::Program& program, const ModelSettings& settings = {}) {
    repository.write("m/1/readme", "");
    check(plan::write(program, repository.path() + "/m/1/model.plan").ok(), "the plan of the test");
    model = plan_opener()(repository.path() + "/m/1", settings).take();
  }
  TestingRepository repository;
  OpenedModel model;
};

request::InferRequest request_of(const Shape& shape, const std::vector<float>& values,
                                 std::vector<request::WantedOutput> outputs) {
  request::InferRequest request;
  request.inputs = {{{DType::kFloat32, shape}, values.data()}};
  request.outputs = std::move(outputs);
  return request;
}

TEST(PlanOpener, OpensWarmInstancesThatCompute) {
  Opened opened(doubling(false), {.instances = {.count = 2, .threads = 1}});
  ASSERT_EQ(opened.model.variants.size(), 1u);
  const auto& variant = opened.model.variants[0];
  ASSERT_EQ(variant.groups.size(), 1u);
  ASSERT_EQ(variant.groups[0].instances.size(), 2u);
  EXPECT_EQ(opened.model.rows_max, 8u) << "the profile ends there, and rows don't influence each other";
  ASSERT_EQ(variant.costs.size(), 4u) << "1, 2, 4 and 8 rows";
  EXPECT_GT(variant.costs[0].p50_ns, 0);
  EXPECT_NE(opened.model.notice.find("not tuned"), std::string::npos);
  EXPECT_EQ(opened.model.signature.inputs[0].dims, (std::vector<int64_t>{-1, 4}));
  EXPECT_EQ(opened.model.signature.outputs[0].name, "y");
  auto& instance = *opened.model.variants[0].groups[0].instances[0];
  const std::vector<float> one = {1, 2, 3, 4}, two = {1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_TRUE(instance.is_warm(request_of({1, 4}, one, {})));
  const auto request = request_of({2, 4}, two, {{0, true}});
  EXPECT_TRUE(instance.is_warm(request)) << "batches of the model are prepared";
  request::InferReply reply;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(instance.run(request, reply).ok());
    EXPECT_EQ(reply.outputs[0].type.shape, (Shape{2, 4}));
    EXPECT_EQ(reply.outputs[0].data, reply.memory.data());
    for (size_t j = 0; j < two.size(); ++j) EXPECT_EQ(static_cast<const float*>(reply.outputs[0].data)[j], 2 * two[j]);
    EXPECT_TRUE(instance.is_warm(request));
  }
  const std::vector<float> nine(36, 1.0f);
  const auto refused = instance.run(request_of({9, 4}, nine, {{0, true}}), reply);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("9"), std::string::npos) << refused.error().message();
}

TEST(PlanOpener, OutputsMayDependOnData) {
  Opened opened(doubling(true));
  auto& instance = *opened.model.variants[0].groups[0].instances[0];
  EXPECT_EQ(opened.model.signature.outputs[1].dims, (std::vector<int64_t>{2, -1}));
  request::InferReply reply;
  for (const auto& values : {std::vector<float>{0, 2, 0, 4}, std::vector<float>{0, 0, 0, 0}, std::vector<float>{1, 2, 3, 4}}) {
    const auto count = static_cast<int64_t>(4 - std::count(values.begin(), values.end(), 0.0f));
    ASSERT_TRUE(instance.run(request_of({1, 4}, values, {{1, true}, {0, false}}), reply).ok());
    EXPECT_EQ(reply.outputs[1].type.shape, (Shape{2, Dim(count)}));
    EXPECT_EQ(static_cast<const float*>(reply.outputs[0].data)[3], 2 * values[3]);
    if (count > 0) { EXPECT_EQ(static_cast<const int64_t*>(reply.outputs[1].data)[2 * count - 1], 3); }
    ASSERT_TRUE(instance.run(request_of({1, 4}, values, {{0, false}}), reply).ok());
    EXPECT_EQ(reply.outputs[1].data, nullptr);
  }
}

TEST(PlanOpener, RefusesAVersionWhoseMemoryMayNotBeLocked) {
  const Opened opened(doubling(false));
  const std::string version = opened.repository.path() + "/m/1";
  const platform::SmallLockLimit limit(0);
  if (!limit.works()) GTEST_SKIP() << "this process may not change its limit, or a sanitizer does as if it locked";
  const auto refused = plan_opener(nullptr, {.lock_memory = true})(version, {.instances = {.threads = 1}});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("RLIMIT_MEMLOCK"), std::string::npos) << refused.error().message();
  EXPECT_TRUE(plan_opener()(version, {.instances = {.threads = 1}}).ok());
}

TEST(PlanOpener, SaysWhatIsMissing) {
  TestingRepository repository;
  repository.write("empty/1/readme", "");
  repository.write("onnx/1/model.onnx", "");
  repository.write("bad/1/model.plan", "not a plan");
  struct Case {
    const char* directory;
    const char* says;
  };
  for (const auto& c : {Case{"/empty/1", "neither model.plan nor model.onnx"}, Case{"/onnx/1", "runs plans only"},
                        Case{"/bad/1", "model.plan"}}) {
    const auto opened = plan_opener()(repository.path() + c.directory, {});
    ASSERT_FALSE(opened.ok());
    EXPECT_NE(opened.error().message().find(c.says), std::string::npos) << opened.error().message();
  }
  bool compiled = false;
  const auto opener = plan_opener([&](const std::string& path, const std::vector<std::string>& profile) {
    compiled = path.ends_with("/model.onnx") && profile.size() == 1;
    return plan::write_in_memory(doubling(false));
  });
  EXPECT_TRUE(opener(repository.path() + "/onnx/1", {.profile = {"x=1..8x4"}}).ok());
  EXPECT_TRUE(compiled);
}

}  // namespace
}  // namespace tercel::registry
