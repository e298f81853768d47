#include "top/prometheus_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace tercel::top {
namespace {

TEST(PrometheusText, IsRead) {
  const auto samples = parse_prometheus(
      "# HELP a Text with {braces}.\n# TYPE a counter\n"
      "a{model=\"m\",version=\"1\"} 7\n"
      "\n"
      "  b:c_2 1.5e-3 1700000000000\r\n"
      "d{} NaN\ne{x=\"\",} +Inf\nf{ le = \"-Inf\" , y=\"}\" }\t-Inf\n"
      "g{t=\"a\\\"b\\\\c\\nd\\e\"} -2");
  ASSERT_TRUE(samples.ok()) << samples.error().message();
  ASSERT_EQ(samples->size(), 6u);
  const auto& s = *samples;
  EXPECT_EQ(s[0].name, "a");
  EXPECT_EQ(s[0].label("model"), "m");
  EXPECT_EQ(s[0].label("version"), "1");
  EXPECT_EQ(s[0].label("none"), "");
  EXPECT_EQ(s[0].value, 7);
  EXPECT_EQ(s[1].name, "b:c_2");
  EXPECT_EQ(s[1].value, 1.5e-3);
  EXPECT_TRUE(std::isnan(s[2].value));
  EXPECT_EQ(s[3].value, INFINITY);
  EXPECT_EQ(s[3].labels.size(), 1u);
  EXPECT_EQ(s[4].value, -INFINITY);
  EXPECT_EQ(s[4].label("y"), "}");
  EXPECT_EQ(s[5].label("t"), "a\"b\\c\nd\\e");
  EXPECT_TRUE(parse_prometheus("")->empty());
}

TEST(PrometheusText, WhatIsWrongIsNamedByItsLine) {
  struct Case {
    std::string text, says;
  };
  std::string many = "a{";
  for (size_t i = 0; i <= kLabelsMax; ++i) many += "l" + std::to_string(i) + "=\"\",";
  const Case cases[] = {
      {"1a 2", "name of a metric"},
      {"{a=\"b\"} 2", "name of a metric"},
      {"<html>", "name of a metric"},
      {"a", "no number"},
      {"a b", "no number"},
      {"a 1x", "no number"},
      {"a +-1", "no number"},
      {"a{x=\"1\"}", "no number"},
      {"a 1 2 3", "behind its value"},
      {"a 1 x", "behind its value"},
      {"a{x} 1", "not name="},
      {"a{1x=\"\"} 1", "not name="},
      {"a{", "not name="},
      {"a{x=1} 1", "in quotes"},
      {"a{x=\"1} 1", "in quotes"},
      {"a{x=\"1\\", "in quotes"},
      {"a{x=\"1\" y=\"2\"} 1", "comma"},
      {"a{x=\"1\"", "comma"},
      {many + "} 1", "too many labels"},
  };
  for (const Case& c : cases) {
    const auto samples = parse_prometheus("fine 1\n" + c.text + "\n");
    ASSERT_FALSE(samples.ok()) << c.text;
    EXPECT_THAT(samples.error().message(), testing::StartsWith("line 2 ")) << c.text;
    EXPECT_THAT(samples.error().message(), testing::HasSubstr(c.says)) << c.text;
  }
  std::string page;
  for (size_t i = 0; i <= kSamplesMax; ++i) page += "a 1\n";
  EXPECT_FALSE(parse_prometheus(page).ok());
}

}  // namespace
}  // namespace tercel::top
