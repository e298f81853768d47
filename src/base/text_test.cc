#include <gtest/gtest.h>

#include "base/fixed_text.h"
#include "base/utf8.h"

namespace tercel {
namespace {

TEST(Utf8, TakesCharactersAndNothingElse) {
  struct Case {
    std::string_view text;
    int32_t code;
    size_t size;
  };
  const Case cases[] = {
      {"a", 'a', 1},
      {std::string_view("\0", 1), 0, 1},
      {"\xC3\xA9", 0xE9, 2},
      {"\xE2\x82\xAC", 0x20AC, 3},
      {"\xF0\x9F\xA6\x85", 0x1F985, 4},
      {"\x80", -1, 0},              // continues nothing
      {"\xC3", -1, 0},              // breaks off
      {"\xC3(", -1, 0},             // does not continue
      {"\xC0\xAF", -1, 0},          // overlong
      {"\xE0\x80\xAF", -1, 0},      // overlong
      {"\xED\xA0\x80", -1, 0},      // a surrogate
      {"\xF4\x90\x80\x80", -1, 0},  // beyond U+10FFFF
      {"\xFF", -1, 0},
  };
  for (const Case& c : cases) {
    std::string_view text = c.text;
    EXPECT_EQ(take_utf8(text), c.code);
    EXPECT_EQ(c.text.size() - text.size(), c.size);
  }
}

TEST(Utf8, ReplacesWhatIsNone) {
  EXPECT_EQ(well_formed_utf8(""), "");
  EXPECT_EQ(well_formed_utf8("caf\xC3\xA9"), "caf\xC3\xA9");
  EXPECT_EQ(well_formed_utf8("a\xFFz\xC3"), "a?z?");
  EXPECT_EQ(well_formed_utf8("\xED\xA0\x80"), "???");
}

TEST(FixedText, CutsBetweenCharacters) {
  FixedText<4> text;
  EXPECT_EQ(text.view(), "");
  text.set("abc");
  EXPECT_EQ(text.view(), "abc");
  text.set("abcdef");
  EXPECT_EQ(text.view(), "abcd");
  text.set("abc\xC3\xA9");
  EXPECT_EQ(text.view(), "abc");
  text.set("a\xE2\x82\xAC");
  EXPECT_EQ(text.view(), "a\xE2\x82\xAC");
  text.set("\x80\x80\x80\x80\x80");  // no characters at all
  EXPECT_EQ(text.view(), "");
}

}  // namespace
}  // namespace tercel
