#include "registry/settings.h"

#include <gtest/gtest.h>

namespace tercel::registry {
namespace {

TEST(Settings, DefaultsAndAllKeys) {
  const auto empty = parse_settings("", "model.toml");
  ASSERT_TRUE(empty.ok());
  EXPECT_EQ(empty->instances.count, 0u);
  EXPECT_EQ(empty->batch_rows_max, 0u);
  EXPECT_EQ(empty->variants.policy, VariantPolicy::kDegrade);
  EXPECT_EQ(empty->versions.kind, VersionPolicy::Kind::kLatest);
  const auto full = parse_settings(
      "queue_max = 0\nversions = [3, 1]\nprofile = [\"x=1..8x3\", \"y=4\"]\n"
      "[batching]\nmax = 16\n[instances]\ncount = 3\nthreads = 2\n[variants]\npolicy = 'off'\nmin_accuracy = 0.75\n",
      "model.toml");
  ASSERT_TRUE(full.ok()) << full.error().message();
  EXPECT_EQ(full->batch_rows_max, 16u);
  EXPECT_EQ(full->instances.count, 3u);
  EXPECT_EQ(full->instances.threads, 2u);
  EXPECT_EQ(full->variants.policy, VariantPolicy::kOff);
  EXPECT_EQ(full->variants.min_accuracy, 0.75f);
  EXPECT_EQ(full->queue_max, 0u);
  EXPECT_EQ(full->versions.kind, VersionPolicy::Kind::kSpecific);
  EXPECT_EQ(full->versions.specific, (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(full->profile, (std::vector<std::string>{"x=1..8x3", "y=4"}));
  EXPECT_EQ(parse_settings("versions = 'all'", "f")->versions.kind, VersionPolicy::Kind::kAll);
}

TEST(Settings, DeadlinesAreATable) {
  const auto read = parse_settings("[deadline]\ndefault_us = 5_000\nmax_us = 9_000\nclass = 'soft'\nclasses = ['soft', 'bulk']\n",
                                   "model.toml");
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(read->time.default_us, 5000);
  EXPECT_EQ(read->time.max_us, 9000);
  EXPECT_EQ(read->time.default_class, request::Class::kSoft);
  EXPECT_EQ(read->time.grants, (std::array<bool, request::kClassCount>{false, false, true, true}));
  EXPECT_EQ(parse_settings("", "m")->time.default_us, 0);
}

TEST(Settings, ErrorsNameFileLineAndKey) {
  struct Case {
    const char* text;
    const char* says;
  };
  const Case cases[] = {
      {"\nqueue_max = -1", "m.toml line 2: 'queue_max' must be an integer from 0 to 1048576"},
      {"queue_max = 1048577", "m.toml line 1: 'queue_max' must be an integer from 0 to 1048576"},
      {"queue_max = 'two'", "line 1: 'queue_max'"},
      {"queue_max = 1.0", "'queue_max' must be an integer"},
      {"\n\nqueue = 5", "line 3: unknown key 'queue'; known are queue_max"},
      {"\ninstances = 2", "m.toml line 2: 'instances' must be a table: [instances]"},
      {"[instances]\ncount = 0", "line 2: 'instances.count' must be an integer from 1 to 64"},
      {"[instances]\nthread = 1", "line 2: unknown key 'instances.thread'; known are count, threads"},
      {"[batching]\nmax = 129", "line 2: 'batching.max' must be an integer from 1 to 128"},
      {"[batching]\nmin = 1", "line 2: unknown key 'batching.min'; known are max"},
      {"[variants]\npolicy = 'best'", "line 2: 'variants.policy' must be"},
      {"[variants]\nmin_accuracy = 1.5", "line 2: 'variants.min_accuracy' must be a number from 0 to 1"},
      {"[variants]\nmin_accuracy = nan", "'variants.min_accuracy' must be"},
      {"versions = 'newest'", "'versions' must be"},
      {"versions = []", "'versions' must be"},
      {"versions = [-1]", "'versions' must be an integer"},
      {"profile = 3", "'profile' must be a string"},
      {"profile = ['a', 3]", "'profile' must hold only strings"},
      {"a = [", "m.toml line 1"},
      {"a = [{", "m.toml line 1"},                  // the library's own assertion
      {"\nqueue_max\xcc\xa4= 1", "m.toml line 2"},  // U+0324 where white space is looked for
      {"profile = 'x=\xcc\xa4'", "m.toml line 1"},
      {"deadline = 5", "'deadline' must be a table"},
      {"[deadline]\nmax_us = 0", "m.toml line 2: 'deadline.max_us' must be an integer from 1"},
      {"[deadline]\ndefault_us = -1", "line 2: 'deadline.default_us'"},
      {"[deadline]\n\nlongest = 1", "line 3: unknown key 'deadline.longest'; known are default_us"},
      {"[deadline]\nclass = 'urgent'", "line 2: 'deadline.class' must be"},
      {"[deadline]\nclass = 'guaranteed'", "that takes a reservation"},
      {"[deadline]\nclass = 'hard'", "set deadline.default_us too"},
      {"[deadline]\nclasses = []", "'deadline.classes' must be a list"},
      {"[deadline]\nclasses = [3]", "'deadline.classes' must be"},
      {"[deadline]\ndefault_us = 10\nmax_us = 9", "default_us is longer"},
      {"queue_max = 1\nqueue_max = 2", "line 2"},
  };
  for (const auto& c : cases) {
    const auto result = parse_settings(c.text, "m.toml");
    ASSERT_FALSE(result.ok()) << c.text;
    EXPECT_NE(result.error().message().find(c.says), std::string::npos) << result.error().message();
  }
  EXPECT_EQ(parse_settings(std::string(kSettingsBytesMax + 1, '#'), "m").error().code(), ErrorCode::kLimit);
}

}  // namespace
}  // namespace tercel::registry
