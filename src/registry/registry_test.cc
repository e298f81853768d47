#include "registry/registry.h"

#include <gtest/gtest.h>

#include <fstream>

#include "registry/testing_repository.h"

namespace tercel::registry {
namespace {

class Nothing final : public Instance {
 public:
  bool is_warm(const request::InferRequest&) const override { return true; }
  Result<void> prepare(const request::InferRequest&) override { return {}; }
  Result<int64_t> longest_step_ns(const request::InferRequest&) override { return 0; }
  Result<void> run(const request::InferRequest&, request::InferReply&, const engine::RunControl&) override { return {}; }
};

// Opens folders that hold a file "model.plan" with the text "good".
Result<OpenedModel> open_good(const std::string& directory, const ModelSettings& settings) {
  std::string text;
  std::ifstream(directory + "/model.plan") >> text;
  if (text != "good") return invalid(directory + "/model.plan is not a plan");
  OpenedModel model;
  InstanceGroup& group = model.variants.emplace_back().groups.emplace_back();
  for (uint32_t i = 0; i < settings.instances.count; ++i) group.instances.push_back(std::make_unique<Nothing>());
  return model;
}

TEST(Registry, LoadsGoodModelsBesideBrokenOnes) {
  TestingRepository repository;
  repository.write("good/1/model.plan", "good");
  repository.write("good/model.toml", "instances.count = 2");
  repository.write("bad/1/model.plan", "broken");
  repository.write("worse/model.toml", "x = 1");
  const auto registry = Registry::open(repository.path(), open_good);
  ASSERT_TRUE(registry.ok());
  const auto snapshot = (*registry)->snapshot();
  ASSERT_EQ(snapshot->models.size(), 3u);
  const auto& good = *snapshot->models.at("good").versions[0];
  EXPECT_EQ(good.state, State::kReady);
  EXPECT_EQ(good.opened.variants[0].groups[0].instances.size(), 2u);
  const auto& bad = *snapshot->models.at("bad").versions[0];
  EXPECT_EQ(bad.state, State::kFailed);
  EXPECT_EQ(bad.reason, "bad/1/model.plan is not a plan");  // and not where the repository lies
  EXPECT_NE(snapshot->models.at("worse").reason.find("worse/model.toml line 1: unknown key"), std::string::npos);
}

TEST(Registry, LoadsAndUnloadsWhileOldSnapshotsStay) {
  TestingRepository repository;
  repository.write("m/1/model.plan", "good");
  const auto registry = Registry::open(repository.path(), open_good);
  ASSERT_TRUE(registry.ok());
  const auto before = (*registry)->snapshot();
  repository.write("m/2/model.plan", "good");
  ASSERT_TRUE((*registry)->load("m").ok());
  EXPECT_EQ((*registry)->snapshot()->models.at("m").versions[0]->number, 2);
  EXPECT_EQ(before->models.at("m").versions[0]->number, 1);

  repository.write("m/3/model.plan", "broken");
  const auto failed = (*registry)->load("m");
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.error().message().find("model 'm' could not be loaded"), std::string::npos);
  EXPECT_EQ((*registry)->snapshot()->models.at("m").versions[0]->number, 2);

  ASSERT_TRUE((*registry)->unload("m").ok());
  EXPECT_EQ((*registry)->snapshot()->models.at("m").versions[0]->state, State::kUnloaded);
  EXPECT_EQ((*registry)->load("absent").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ((*registry)->unload("absent").error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace tercel::registry
