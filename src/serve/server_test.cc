#include "serve/server.h"

#include <gtest/gtest.h>

#include "registry/testing_repository.h"
#include "serve/testing_models.h"

namespace tercel::serve {
namespace {

Result<registry::OpenedModel> open_unless_broken(const std::string& directory, const registry::ModelSettings& settings) {
  if (std::filesystem::exists(directory + "/broken")) return invalid(directory + " is broken");
  return echo_model({}, std::max(settings.instances.count, 1u), 1000);
}

struct Fixture {
  Fixture() {
    repository.write("m/1/model.plan", "");
    repository.write("m/3/model.plan", "");
    repository.write("m/model.toml", "versions = 'all'");
    repository.write("bad/1/broken", "");
    repository.write("worse/model.toml", "x=");
    server = Server::open(repository.path(), open_unless_broken).take();
  }
  registry::TestingRepository repository;
  std::unique_ptr<Server> server;
};

TEST(Server, FindsVersionsAndSaysWhyNot) {
  Fixture f;
  EXPECT_TRUE(f.server->is_ready());
  EXPECT_EQ((*f.server->find("m", std::nullopt))->version->number, 3);
  EXPECT_EQ((*f.server->find("m", 1))->version->number, 1);
  struct Case {
    const char* model;
    std::optional<int64_t> version;
    ErrorCode code;
    const char* says;
  };
  const Case cases[] = {
      {"m", 2, ErrorCode::kNotFound, "model 'm' has no version 2"},
      {"none", std::nullopt, ErrorCode::kNotFound, "no model 'none'"},
      {"bad", std::nullopt, ErrorCode::kUnavailable, "model 'bad' is not ready: "},
      {"bad", 1, ErrorCode::kUnavailable, "is broken"},
      {"bad", 2, ErrorCode::kNotFound, "no version 2"},
      {"worse", 7, ErrorCode::kUnavailable, "model.toml line 1"},
  };
  for (const auto& c : cases) {
    const auto found = f.server->find(c.model, c.version);
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().code(), c.code);
    EXPECT_NE(found.error().message().find(c.says), std::string::npos) << found.error().message();
  }
}

TEST(Server, KeepsServingWhatStaysAcrossChanges) {
  Fixture f;
  const auto before = *f.server->find("m", 1);
  f.repository.remove("bad/1/broken");
  ASSERT_TRUE(f.server->load("bad").ok());
  EXPECT_TRUE(f.server->find("bad", std::nullopt).ok());
  EXPECT_EQ(*f.server->find("m", 1), before);  // another model's change did not touch it
  ASSERT_TRUE(f.server->unload("m").ok());
  EXPECT_EQ(f.server->find("m", 1).error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(before->version->number, 1);  // whoever holds it may finish
}

TEST(Server, IsNotReadyWithoutAModelOrWhileDraining) {
  Fixture f;
  ASSERT_TRUE(f.server->unload("m").ok());
  EXPECT_FALSE(f.server->is_ready());
  ASSERT_TRUE(f.server->load("m").ok());
  EXPECT_TRUE(f.server->is_ready());
  f.server->drain();
  EXPECT_FALSE(f.server->is_ready());
  EXPECT_TRUE(f.server->find("m", 1).ok());
  EXPECT_FALSE(Server::open("/nonexistent/repository", open_unless_broken).ok());
}

}  // namespace
}  // namespace tercel::serve
