#include "registry/repository.h"

#include <gtest/gtest.h>

#include "registry/testing_repository.h"

namespace tercel::registry {
namespace {

TEST(Repository, ModelNames) {
  for (const auto name : {"a", "resnet50", "Model_1.2-x", "_x", "0"}) EXPECT_TRUE(is_model_name(name)) << name;
  for (const auto name : {"", ".", "..", ".hidden", "-x", "a/b", "a b", "a\n", "\xc3\xa9"})
    EXPECT_FALSE(is_model_name(name)) << name;
  EXPECT_FALSE(is_model_name(std::string(kNameBytesMax + 1, 'a')));
}

TEST(Repository, SelectsVersionsByPolicy) {
  TestingRepository repository;
  for (const auto version : {"1", "2", "10", "x", "007", "-1"}) repository.write(std::string("m/") + version + "/model.plan", "");
  repository.write("m/3", "a file, not a version");
  struct Case {
    const char* toml;
    std::vector<int64_t> versions;
    const char* reason;
  };
  const Case cases[] = {
      {"", {10}, ""},
      {"versions = 'all'", {1, 2, 10}, ""},
      {"versions = [2, 1, 2]", {1, 2}, ""},
      {"versions = [3]", {}, "asks for version 3"},
      {"version = 1", {}, "unknown key 'version'"},
  };
  for (const auto& c : cases) {
    repository.write("m/model.toml", c.toml);
    const auto models = scan(repository.path());
    ASSERT_TRUE(models.ok());
    ASSERT_EQ(models->size(), 1u);
    EXPECT_EQ((*models)[0].versions, c.versions) << c.toml;
    EXPECT_NE((*models)[0].reason.find(c.reason), std::string::npos) << (*models)[0].reason;
    EXPECT_EQ((*models)[0].reason.empty(), *c.reason == 0);
  }
}

TEST(Repository, OneBrokenModelLeavesTheOthers) {
  TestingRepository repository;
  repository.write("good/1/model.plan", "");
  repository.write("no version/readme", "");
  repository.write("empty/readme", "");
  repository.write(".git/1/model.plan", "");
  const auto models = scan(repository.path());
  ASSERT_TRUE(models.ok());
  ASSERT_EQ(models->size(), 3u);
  EXPECT_NE((*models)[0].reason.find("no version folder"), std::string::npos);
  EXPECT_EQ((*models)[1].name, "good");
  EXPECT_EQ((*models)[1].reason, "");
  EXPECT_NE((*models)[2].reason.find("not a model name"), std::string::npos);
}

TEST(Repository, AnUnreadableRepositoryIsAnError) {
  TestingRepository repository;
  repository.write("file", "");
  for (const auto& path : {repository.path() + "/absent", repository.path() + "/file"}) {
    const auto models = scan(path);
    ASSERT_FALSE(models.ok());
    EXPECT_NE(models.error().message().find("cannot read the model repository " + path), std::string::npos);
  }
  EXPECT_EQ(scan_model(repository.path(), "../x").error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace tercel::registry
