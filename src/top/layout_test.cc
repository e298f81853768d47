#include "top/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>

namespace tercel::top {
namespace {

using testing::HasSubstr;
using testing::Not;

View example(size_t models = 3) {
  View view;
  view.release = "1.2.3";
  view.is_ready = true;
  view.resident_bytes = 41.2e6;
  view.requests = 12'345;
  view.cpus = 0.855;
  for (size_t i = 0; i < models; ++i) {
    Row row;
    row.model = "a-model-with-a-name-" + std::to_string(i);
    row.version = "12";
    row.is_ready = true;
    row.requests = 1000.0 + static_cast<double>(i);
    row.in_time = 999;
    row.attainment = 0.99999;
    row.p50_s = 0.00123;
    row.p99_s = 0.0456;
    row.mean_slack_s = -0.000'789;
    row.refused_admission = 3.26;
    row.refused_overload = 1;
    view.rows.push_back(row);
  }
  return view;
}

std::vector<Missed> missed(size_t count) {
  Missed one;
  one.model = "m";
  one.version = "1";
  one.outcome = "deadline_missed";
  one.request_class = "hard";
  one.reason = "the deadline passed while the request was computed; mostly compute: 100 of 103 ms";
  one.stage = "compute";
  one.finished_ms = 1'700'000'000'123;
  one.deadline_ms = 20;
  one.total_ms = 103.2;
  one.stage_ms = 100;
  return std::vector<Missed>(count, one);
}

std::string joined(const std::vector<Line>& lines) {
  std::string text;
  for (const Line& line : lines) text += line.text + "\n";
  return text;
}

size_t columns(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

TEST(Layout, SaysItAllWhereThereIsRoom) {
  const View view = example();
  const std::string text = joined(lay_out(&view, missed(1), {.url = "http://h:1", .width = 160}));
  EXPECT_THAT(text, HasSubstr("tercel top  http://h:1  1.2.3  ready\n12.3k requests/s, 0 in time, cpu 86%, memory 41.2 MB"));
  EXPECT_THAT(
      text, HasSubstr("model                     req/s  in time     met     p50     p99   slack  queue  run  no time  no room"));
  EXPECT_THAT(
      text, HasSubstr("a-model-with-a-name-2:12   1002      999  99.99%  1.23ms  45.6ms  -789us      0    0      3.3      1.0"));
  EXPECT_THAT(text, HasSubstr("22:13:20  m:1  deadline_missed  hard  103ms of 20ms, compute 100ms: "
                              "the deadline passed while the request was computed\n"));
  EXPECT_LT(text.find("name-2"), text.find("name-0"));  // the most requests first
}

void expect_fits(const View& view, const Frame& frame) {
  SCOPED_TRACE(testing::Message() << view.rows.size() << " models in " << frame.width << "x" << frame.height);
  const auto lines = lay_out(&view, missed(300), frame);
  const bool any_height = frame.height == 0, has_models = !view.rows.empty();
  if (!any_height) { EXPECT_LE(lines.size(), frame.height); }
  for (const Line& line : lines) EXPECT_LE(columns(line.text), frame.width) << line.text;
  const std::string text = joined(lines);
  EXPECT_THAT(text, HasSubstr("tercel top"));
  if (has_models && (any_height || frame.height >= 8)) { EXPECT_THAT(text, HasSubstr("req/s")); }
  if (has_models && (any_height || frame.height >= 24)) { EXPECT_THAT(text, HasSubstr("last missed")); }
  if (frame.height >= 10 && frame.has_keys) { EXPECT_THAT(text, HasSubstr("q quit")); }
  if (view.rows.size() == 200 && frame.height >= 24) { EXPECT_THAT(text, HasSubstr(" more")); }
}

TEST(Layout, KeepsToAnySize) {
  for (const size_t models : {0, 1, 3, 200})
    for (const size_t width : {20, 40, 60, 80, 100, 120, 140, 300})
      for (const size_t height : {0, 1, 2, 5, 8, 10, 24, 60})
        for (const bool keys : {true, false})
          expect_fits(example(models), {"http://a-rather-long-host-name.example:8000", width, height, Order::kP99, "", keys});
}

TEST(Layout, LeavesOutTheLeastImportantColumns) {
  const View view = example();
  const std::string narrow = joined(lay_out(&view, {}, {.url = "u", .width = 80}));
  EXPECT_THAT(narrow, HasSubstr("refused"));
  EXPECT_THAT(narrow, Not(HasSubstr("no time")));
  const std::string tiny = joined(lay_out(&view, {}, {.url = "u", .width = 40}));
  EXPECT_THAT(tiny, HasSubstr("req/s"));
  EXPECT_THAT(tiny, HasSubstr("p99"));
  EXPECT_THAT(tiny, Not(HasSubstr("slack")));
  EXPECT_THAT(tiny, HasSubstr("a-model-wi"));
}

TEST(Layout, ColoursTroubleAndRest) {
  View view = example(3);
  for (Row& row : view.rows) {
    row.attainment = 1;
    row.refused_admission = row.refused_overload = 0;
  }
  view.rows[0].requests = 0;
  view.rows[1].missed = 0.5;
  const auto lines = lay_out(&view, {}, {.url = "u", .width = 160});
  const auto style = [&](const char* what) {
    for (const Line& line : lines)
      if (line.text.find(what) != std::string::npos) return line.style;
    return Style::kBold;
  };
  EXPECT_EQ(style("name-0"), Style::kDim);
  EXPECT_EQ(style("name-1"), Style::kRed);
  EXPECT_EQ(style("name-2"), Style::kPlain);
}

TEST(Layout, WithoutNumbersItSaysWhy) {
  const auto lines =
      lay_out(nullptr, {}, {.url = "http://h", .width = 60, .height = 10, .message = "it is gone", .has_keys = true});
  EXPECT_THAT(joined(lines), HasSubstr("it is gone"));
  EXPECT_THAT(joined(lines), HasSubstr("q quit"));
}

TEST(Layout, NothingDrivesTheTerminal) {
  EXPECT_EQ(shown("a\x1b[2Jb\r\n\x7f\xC2\x9B\xFF\xC3\xA9", 99), "a?[2Jb?????\xC3\xA9");
  EXPECT_EQ(shown("abcdef", 6), "abcdef");
  EXPECT_EQ(shown("abcdef", 5), "abcd~");
  EXPECT_EQ(shown("\xC3\xA9\xC3\xA9\xC3\xA9", 2), "\xC3\xA9~");
  EXPECT_EQ(shown("abc", 0), "");
  View view = example(1);
  view.rows[0].model = view.release = "\x1b]0;x\a";
  auto one = missed(1);
  one[0].reason = one[0].model = one[0].stage = "\x1b[31m\n";
  for (const Line& line : lay_out(&view, one, {.url = "u", .width = 200}))
    for (const char c : line.text) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << line.text;
}

TEST(Layout, JsonHasTheSameNumbers) {
  View view = example(2);
  view.rows[1].attainment = std::nullopt;
  view.rows[0].model = "quote\"\xFF";
  simdjson::dom::parser parser;
  const auto document = parser.parse(json_text(view, missed(2), "http://h:1"));
  ASSERT_EQ(document.error(), simdjson::SUCCESS);
  EXPECT_EQ(document["url"].get_string().value(), "http://h:1");
  EXPECT_EQ(document["server"]["requests_per_s"].get_double().value(), 12'345);
  ASSERT_EQ(document["models"].get_array().size(), 2u);
  EXPECT_EQ(document["models"].at(0)["model"].get_string().value(), "quote\"?");
  EXPECT_EQ(document["models"].at(0)["refused_per_s"]["admission"].get_double().value(), 3.26);
  EXPECT_EQ(document["models"].at(0)["attainment"].get_double().value(), 0.99999);
  EXPECT_TRUE(document["models"].at(1)["attainment"].is_null());
  EXPECT_EQ(document["missed"].at(1)["stage"].get_string().value(), "compute");
}

}  // namespace
}  // namespace tercel::top
