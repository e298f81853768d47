#include "registry/ladder.h"

#include <gtest/gtest.h>

namespace tercel::registry {
namespace {

TEST(Ladder, ReadsEverythingAndPutsTheMostAccurateFirst) {
  const auto ladder = parse_ladder(
      "[[variant]]\nname = 'int8'\naccuracy = 0.982\naccuracy_low = 0.978\naccuracy_high = 0.986\n"
      "recipe = 'int8, per channel'\ndigest = 'crc32c:0badcafe:1234'\n"
      "[[variant]]\nname = 'pruned_2-4.v1'\naccuracy = 0\n"
      "[[variant]]\nname = 'fp32'\naccuracy = 1\n",
      "ladder.toml");
  ASSERT_TRUE(ladder.ok()) << ladder.error().message();
  ASSERT_EQ(ladder->size(), 3u);
  EXPECT_EQ((*ladder)[0].name, "fp32");
  EXPECT_EQ((*ladder)[0].accuracy, 1.0f);
  EXPECT_FALSE((*ladder)[0].interval);
  EXPECT_EQ((*ladder)[0].recipe + (*ladder)[0].digest, "");
  EXPECT_EQ((*ladder)[1].name, "int8");
  EXPECT_EQ((*ladder)[1].accuracy, 0.982f);
  ASSERT_TRUE((*ladder)[1].interval);
  EXPECT_EQ((*ladder)[1].interval->low, 0.978f);
  EXPECT_EQ((*ladder)[1].interval->high, 0.986f);
  EXPECT_EQ((*ladder)[1].recipe, "int8, per channel");
  EXPECT_EQ((*ladder)[1].digest, "crc32c:0badcafe:1234");
  EXPECT_EQ((*ladder)[2].name, "pruned_2-4.v1");
}

// A list of `count` variants, each less accurate than the one before.
std::string many(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text += "[[variant]]\nname = 'v" + std::to_string(i) + "'\naccuracy = 0.9" + std::to_string(9 - i) + "\n";
  return text;
}

TEST(Ladder, HasTwoVariantsToEight) {
  EXPECT_FALSE(parse_ladder(many(1), "l").ok());
  EXPECT_TRUE(parse_ladder(many(2), "l").ok());
  EXPECT_TRUE(parse_ladder(many(kLadderVariantsMax), "l").ok());
  const auto refused = parse_ladder(many(kLadderVariantsMax + 1), "l");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("2 to 8 variants, not 9"), std::string::npos) << refused.error().message();
}

TEST(Ladder, ErrorsHaveTheLineAndSayWhatIsWanted) {
  // Behind a good first variant of four lines.
  const std::string good = "[[variant]]\nname = 'a'\naccuracy = 0.9\n\n";
  struct Case {
    const char *text, *says;
  };
  const Case cases[] = {
      {"[[variant]]\naccuracy = 0.8", "l.toml line 5: a variant needs a 'name'"},
      {"[[variant]]\nname = 'b'", "l.toml line 5: variant 'b' needs its measured 'accuracy'"},
      {"[[variant]]\nname = 'a'\naccuracy = 0.8", "line 5: two variants have the name 'a'"},
      {"[[variant]]\nname = 'b'\naccuracy = 0.9", "line 5: variants 'a' and 'b' are equally accurate"},
      {"[[variant]]\nname = 'b'\naccuracy = 0.90000000001", "equally accurate"},  // as a float
      {"[[variant]]\nname = '../b'\naccuracy = 0.8", "line 6: 'name' must be letters"},
      {"[[variant]]\nname = 'b/c'\naccuracy = 0.8", "line 6: 'name' must be letters"},
      {"[[variant]]\nname = '.b'\naccuracy = 0.8", "line 6: 'name' must be letters"},
      {"[[variant]]\nname = ''\naccuracy = 0.8", "line 6: 'name' must be letters"},
      {"[[variant]]\nname = 8\naccuracy = 0.8", "line 6: 'name' must be letters"},
      {"[[variant]]\nname = 'b'\naccuracy = 98", "line 7: 'accuracy' must be a number from 0 to 1"},
      {"[[variant]]\nname = 'b'\naccuracy = -0.1", "line 7: 'accuracy' must be a number from 0 to 1"},
      {"[[variant]]\nname = 'b'\naccuracy = nan", "line 7: 'accuracy' must be a number from 0 to 1"},
      {"[[variant]]\nname = 'b'\naccuracy = '0.8'", "line 7: 'accuracy' must be a number from 0 to 1"},
      {"[[variant]]\nname = 'b'\naccuracy = 0.8\naccuracy_low = 0.7", "needs both accuracy_low and accuracy_high"},
      {"[[variant]]\nname = 'b'\naccuracy = 0.8\naccuracy_low = 0.81\naccuracy_high = 0.9", "'b' is not within accuracy_low"},
      {"[[variant]]\nname = 'b'\naccuracy = 0.8\naccuracy_low = 0.1\naccuracy_high = 0.7", "'b' is not within accuracy_low"},
      {"[[variant]]\nname = 'b'\naccuracy = 0.8\nrecipe = 3", "line 8: 'recipe' must be a text"},
      {"[[variant]]\nname = 'b'\naccuracy = 0.8\ndigest = 'sha256:00'", "line 8: 'digest' must be a text such as \"crc32c:"},
      {"[[variant]]\nname = 'b'\naccuracy = 0.8\nlatency = 3", "line 8: unknown key 'latency'; known are name, accuracy"},
      {"[policy]\nname = 'off'", "line 5: unknown key 'policy'"},
      {"[[variant]]\nname = 'b'\nname = 'c'\naccuracy = 0.8", "l.toml line 7"},
      {"[[variant", "l.toml line 5"},
  };
  for (const auto& c : cases) {
    const auto refused = parse_ladder(good + c.text, "l.toml");
    ASSERT_FALSE(refused.ok()) << c.text;
    EXPECT_NE(refused.error().message().find(c.says), std::string::npos) << refused.error().message();
  }
  for (const auto& c : {Case{"", "l.toml lists no variant"}, Case{"variant = 3", "line 1: 'variant' must be a list of tables"},
                        Case{"[variant]\nname = 'a'", "line 1: 'variant' must be a list of tables"},
                        Case{"variant = [1, 2]", "line 1: 'variant' must be a list of tables"}}) {
    const auto refused = parse_ladder(c.text, "l.toml");
    ASSERT_FALSE(refused.ok()) << c.text;
    EXPECT_NE(refused.error().message().find(c.says), std::string::npos) << refused.error().message();
  }
  EXPECT_EQ(parse_ladder(std::string(kLadderBytesMax + 1, '#'), "l").error().code(), ErrorCode::kLimit);
}

}  // namespace
}  // namespace tercel::registry
