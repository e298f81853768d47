#include "registry/plan_opener.h"

#include <gmock/gmock.h>
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

// y = (count + 1) x, by so many additions: the more there are, the longer it takes.
plan::Program sums(int count, DType dtype = DType::kFloat32, int64_t width = 64, int64_t rows_max = 8) {
  plan::Program program;
  program.symbols = {"batch"};
  plan::ProgramGraph graph;
  graph.values = {value_of("x", dtype, {Dim::symbol(0), Dim(width)})};
  for (int i = 0; i < count; ++i) {
    graph.nodes.push_back(node_of("Add", {static_cast<plan::ValueId>(i), 0}, {static_cast<plan::ValueId>(i + 1)}));
    graph.values.push_back(value_of(i + 1 == count ? "y" : "h" + std::to_string(i), dtype, {Dim::symbol(0), Dim(width)}));
  }
  graph.inputs = {0};
  graph.outputs = {static_cast<plan::ValueId>(count)};
  program.graphs = {std::move(graph)};
  program.profile = {{.name = "x", .dtype = dtype, .low = {1, width}, .high = {rows_max, width}, .axis_names = {"batch", ""}}};
  return program;
}

// Variants that differ enough in time for any machine.
constexpr int kSlow = 2000, kFast = 2;
constexpr int64_t kWide = 4096;

struct Ladder {
  Ladder(const std::string& text, const std::vector<std::pair<std::string, plan::Program>>& variants) {
    repository.write("m/1/ladder.toml", text);
    repository.write("m/1/variants/readme", "");
    for (const auto& [name, program] : variants)
      check(plan::write(program, version() + "/variants/" + name + ".plan").ok(), "a plan of the test");
  }
  std::string version() const { return repository.path() + "/m/1"; }
  Result<OpenedModel> open(ModelSettings settings = {}) const {
    settings.instances = {.count = 1, .threads = 1};
    return plan_opener()(version(), settings);
  }
  std::string refusal(const ModelSettings& settings = {}) const {
    const auto opened = open(settings);
    return opened.ok() ? "opened" : opened.error().message();
  }
  TestingRepository repository;
};

const char kTwo[] =
    "[[variant]]\nname = 'fast'\naccuracy = 0.9\nrecipe = 'short'\n"
    "[[variant]]\nname = 'slow'\naccuracy = 0.95\naccuracy_low = 0.94\naccuracy_high = 0.96\n";

TEST(PlanOpener, OpensALadderTheMostAccurateFirst) {
  const Ladder ladder(kTwo, {{"fast", sums(kFast, DType::kFloat32, kWide, 4)}, {"slow", sums(kSlow, DType::kFloat32, kWide, 4)}});
  const auto model = ladder.open();
  ASSERT_TRUE(model.ok()) << model.error().message();
  ASSERT_EQ(model->variants.size(), 2u) << model->notice;
  const auto &slow = model->variants[0], &fast = model->variants[1];
  EXPECT_EQ(slow.name, "slow");
  EXPECT_EQ(slow.accuracy, 0.95f);
  ASSERT_TRUE(slow.interval);
  EXPECT_EQ(slow.interval->high, 0.96f);
  EXPECT_EQ(fast.name, "fast");
  EXPECT_EQ(fast.recipe, "short");
  EXPECT_EQ(model->rows_max, 4u);
  ASSERT_TRUE(one_row_of(slow) && one_row_of(fast));
  EXPECT_LT(one_row_of(fast)->longest_ns, one_row_of(slow)->longest_ns);
  EXPECT_NE(model->notice.find("variant 'fast': "), std::string::npos) << "neither is tuned: " << model->notice;
  const std::vector<float> row(kWide, 2);
  for (const auto& variant : model->variants) {
    request::InferReply reply;
    ASSERT_TRUE(variant.groups[0].instances[0]->run(request_of({1, Dim(kWide)}, row, {{0, true}}), reply).ok());
    EXPECT_EQ(static_cast<const float*>(reply.outputs[0].data)[7], 2.0f * (&variant == &slow ? kSlow + 1 : kFast + 1));
  }
}

TEST(PlanOpener, LeavesOutWhatIsLessAccurateAndNotFaster) {
  const Ladder ladder(kTwo, {{"fast", sums(kSlow, DType::kFloat32, kWide)}, {"slow", sums(kFast, DType::kFloat32, kWide)}});
  const auto model = ladder.open();
  ASSERT_TRUE(model.ok()) << model.error().message();
  ASSERT_EQ(model->variants.size(), 1u);
  EXPECT_EQ(model->variants[0].name, "slow") << "the more accurate one stays";
  EXPECT_NE(model->notice.find("variant 'fast': left out: it must be faster than 'slow'"), std::string::npos) << model->notice;
}

TEST(PlanOpener, TheVariantsOfALadderTakeAndGiveTheSame) {
  struct Case {
    plan::Program fast;
    const char* says;
  };
  plan::Program renamed_input = sums(2), renamed_output = sums(2), ranked = sums(2), two_outputs = sums(2);
  renamed_input.graphs[0].values[0].name = renamed_input.profile[0].name = "z";
  renamed_output.graphs[0].values.back().name = "z";
  ranked.graphs[0].values[0].type.shape = ranked.graphs[0].values[1].type.shape =
      ranked.graphs[0].values[2].type.shape = {Dim::symbol(0), Dim(64), Dim(1)};
  ranked.profile[0].low.push_back(1);
  ranked.profile[0].high.push_back(1);
  ranked.profile[0].axis_names.push_back("");
  two_outputs.graphs[0].outputs.push_back(1);
  const Case cases[] = {
      {renamed_input, "variant 'fast': input 0 is 'z', not 'x' as in 'slow'"},
      {renamed_output, "variant 'fast': output 0 is 'z', not 'y' as in 'slow'"},
      {sums(2, DType::kInt32), "variant 'fast': input 'x' is INT32, not FP32 as in 'slow'"},
      {ranked, "variant 'fast': input 'x' has 3 dimensions, not 2 as in 'slow'"},
      {sums(2, DType::kFloat32, 32), "variant 'fast': dimension 1 of input 'x' is 32, not 64 as in 'slow'"},
      {sums(2, DType::kFloat32, 64, 4), "variant 'fast': dimension 0 of input 'x' is 1..4, not 1..8 as in 'slow'"},
      {two_outputs, "variant 'fast': it has 2 outputs, not 1 as in 'slow'"},
  };
  for (const auto& c : cases) EXPECT_EQ(Ladder(kTwo, {{"fast", c.fast}, {"slow", sums(3)}}).refusal(), c.says);
}

TEST(PlanOpener, SaysWhatIsWrongWithEachVariantOfALadder) {
  const Ladder missing(kTwo, {});
  EXPECT_THAT(missing.refusal(),
              testing::HasSubstr("variant 'slow': " + missing.version() + "/variants holds neither slow.plan nor slow.onnx; "));
  EXPECT_THAT(missing.refusal(),
              testing::HasSubstr("variant 'fast': " + missing.version() + "/variants holds neither fast.plan"));
  missing.repository.write("m/1/variants/slow.plan", "not a plan");
  missing.repository.write("m/1/variants/fast.onnx", "");
  EXPECT_THAT(missing.refusal(), testing::HasSubstr("fast.onnx is not compiled, and this server runs plans only"));
  missing.repository.write("m/1/model.plan", "");
  EXPECT_THAT(missing.refusal(), testing::HasSubstr("holds both ladder.toml and model.plan"));
  EXPECT_THAT(Ladder("[[variant]]\nname = 'a'\n", {}).refusal(), testing::HasSubstr("ladder.toml line 1: a ladder has 2 to 8"));

  const Ladder good(kTwo, {{"fast", sums(2)}, {"slow", sums(3)}});
  ModelSettings settings;
  settings.variants.min_accuracy = 0.96f;
  EXPECT_THAT(good.refusal(settings),
              testing::HasSubstr("variants.min_accuracy of model.toml is more than the accuracy of 'slow'"));
  settings.variants.min_accuracy = 0.95f;
  EXPECT_EQ(good.refusal(settings), "opened");
}

TEST(PlanOpener, ComparesTheDigestsOfALadder) {
  const auto with_digest = [](const std::string& digest) {
    return "[[variant]]\nname = 'a'\naccuracy = 0.9\n[[variant]]\nname = 'b'\naccuracy = 0.8\ndigest = '" + digest + "'\n";
  };
  const Ladder ladder(with_digest("crc32c:00000000:1"), {{"a", sums(3)}, {"b", sums(2)}});
  const std::string refusal = ladder.refusal();
  const auto at = refusal.find("has the digest ");
  ASSERT_NE(at, std::string::npos) << refusal;
  EXPECT_THAT(refusal, testing::HasSubstr("not crc32c:00000000:1 as ladder.toml says"));
  const std::string digest = refusal.substr(at + 15, refusal.find(',', at) - at - 15);
  ladder.repository.write("m/1/ladder.toml", with_digest(digest));
  EXPECT_EQ(ladder.refusal(), "opened") << digest;
}

TEST(PlanOpener, AMixedLadderCompilesItsModelsOnly) {
  const Ladder ladder(kTwo, {{"slow", sums(3)}});
  ladder.repository.write("m/1/variants/fast.onnx", "");
  int compiled = 0;
  const auto opener = plan_opener([&](const std::string& path, const std::vector<std::string>&) {
    compiled += path.ends_with("/variants/fast.onnx");
    return plan::write_in_memory(sums(2));
  });
  const auto model = opener(ladder.version(), {.instances = {.count = 1, .threads = 1}});
  EXPECT_TRUE(model.ok()) << model.error().message();
  EXPECT_EQ(compiled, 1);
}

}  // namespace
}  // namespace tercel::registry
