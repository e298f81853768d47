#include "observe/trace/context.h"

#include <gtest/gtest.h>

namespace tercel::observe::trace {
namespace {

const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736", kSpan = "00f067aa0ba902b7";
const std::string kGood = "00-" + kTrace + "-" + kSpan + "-01";

TEST(TraceParent, IsRead) {
  const auto parent = parse_parent(kGood);
  ASSERT_TRUE(parent);
  EXPECT_EQ(parent->trace, (TraceId{0x4bf92f3577b34da6, 0xa3ce929d0e0e4736}));
  EXPECT_EQ(parent->span, 0x00f067aa0ba902b7u);
  EXPECT_TRUE(parent->is_sampled);
  EXPECT_EQ(text_of(parent->trace), kTrace);
  EXPECT_EQ(span_text(parent->span), kSpan);
  struct Case {
    std::string text;
    bool is_sampled;
  };
  const Case cases[] = {
      {"00-" + kTrace + "-" + kSpan + "-00", false},
      {"00-" + kTrace + "-" + kSpan + "-fe", false},  // flags nobody knows yet
      {"00-" + kTrace + "-" + kSpan + "-ff", true},
      {"01-" + kTrace + "-" + kSpan + "-01", true},   // a later version
      {"cc-" + kTrace + "-" + kSpan + "-01-", true},  // which may say more
      {"fe-" + kTrace + "-" + kSpan + "-00-what.is", false},
      {"00-00000000000000000000000000000001-0000000000000001-01", true},
  };
  for (const Case& c : cases) {
    ASSERT_TRUE(parse_parent(c.text)) << c.text;
    EXPECT_EQ(parse_parent(c.text)->is_sampled, c.is_sampled) << c.text;
  }
}

TEST(TraceParent, IsIgnoredWhenMalformed) {
  const std::string cases[] = {
      "",
      "00",
      "00-",
      "ff-" + kTrace + "-" + kSpan + "-01",  // the version that never is
      "0-" + kTrace + "-" + kSpan + "-01",
      "00-" + kTrace + "-" + kSpan + "-1",
      "00-" + kTrace + "-" + kSpan + "-0",
      "00-" + kTrace + "-" + kSpan,
      "00-" + kTrace + "-" + kSpan + "-01-",  // version 00 has no more to say
      "00-" + kTrace + "-" + kSpan + "-01-00",
      "01-" + kTrace + "-" + kSpan + "-01x",  // more without a dash
      "00-" + std::string(32, '0') + "-" + kSpan + "-01",
      "00-" + kTrace + "-" + std::string(16, '0') + "-01",
      "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + kSpan + "-01",  // upper case
      "00-" + kTrace + "-00F067AA0BA902B7-01",
      "00-" + kTrace + "-" + kSpan + "-0A",
      "0A-" + kTrace + "-" + kSpan + "-01",
      "00-" + kTrace.substr(1) + "-" + kSpan + "-01",
      "00-" + kTrace + "0-" + kSpan + "-01",
      "00-" + kTrace + "-" + kSpan.substr(1) + "-01",
      "00-" + kTrace + "_" + kSpan + "-01",
      "00_" + kTrace + "-" + kSpan + "-01",
      " " + kGood,
      kGood + " ",
      kGood + "," + kGood,
      "00-" + kTrace.substr(0, 31) + "g-" + kSpan + "-01",
      "00-+" + kTrace.substr(1) + "-" + kSpan + "-01",
  };
  for (const std::string& text : cases) EXPECT_FALSE(parse_parent(text)) << text;
  for (size_t n = 0; n < kGood.size(); ++n) EXPECT_FALSE(parse_parent(kGood.substr(0, n))) << n;
}

}  // namespace
}  // namespace tercel::observe::trace
