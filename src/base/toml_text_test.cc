#include "base/toml_text.h"

#include <gtest/gtest.h>

namespace tercel {
namespace {

TEST(TomlText, AsciiStaysAsItIs) {
  for (const char* text : {"", "\n\n", "a = 1", "a = \"x\\\"#'\" # \"c\r\nb = 'y\\'\n", "a = \"\"\nb = ''\n",
                           "a = \"unclosed\nb = \\", "[x]\n\v\f\x01"})
    EXPECT_EQ(*ascii_toml(text, "f"), text);
}

TEST(TomlText, OtherCharactersAreEscapedInStringsAndDroppedInComments) {
  EXPECT_EQ(*ascii_toml("a = \"gr\xC3\xB6\xC3\x9F\" # \xC3\xB6'\xE2\x82\xAC\"\nb = \"\xF0\x9F\x98\x80\"", "f"),
            "a = \"gr\\U000000F6\\U000000DF\" # ?'?\"\nb = \"\\U0001F600\"");
  EXPECT_EQ(*ascii_toml("\xEF\xBB\xBF# \xC3\xB6\n", "f"), "# ?\n");
}

TEST(TomlText, WhatCannotBeWrittenInAsciiIsToldWithItsLine) {
  for (const char* text : {"\n\xCC\xA4t", "\n[\xCC\xA4t", "\na\xC2\xA0= 1", "\na = \"x\" \xC3\xB6", "\na = '\\' \xC3\xB6",
                           "\na = '\xC3\xB6'", "\na = \"\\\"\" \xC3\xB6", "\n\xEF\xBB\xBF", "\na = \"\\\xC3\xB6\"",
                           "\na = \"\"\"x\"\"\"", "\na = '''", "\na = \"\" \"\"\"", "\n# \xFF", "\n# \xC3", "\n# \xC0\x80",
                           "\n# \xED\xA0\x80", "\n# \xF4\x90\x80\x80", "\n# \xE0\x80\xA0", "\n# \x80"}) {
    const auto result = ascii_toml(text, "f");
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().message().find("f line 2: "), 0u) << result.error().message();
  }
}

}  // namespace
}  // namespace tercel
