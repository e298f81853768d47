#include "observe/trace/otlp.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <map>
#include <set>

namespace tercel::observe::trace {
namespace {

std::string text(simdjson::simdjson_result<simdjson::dom::element> element) {
  std::string_view view;
  return element.get(view) == simdjson::SUCCESS ? std::string(view) : "(no text)";
}

std::map<std::string, std::string> attributes(simdjson::simdjson_result<simdjson::dom::element> list) {
  std::map<std::string, std::string> found;
  for (const auto item : list.get_array()) {
    const auto value = item["value"].get_object();
    found[text(item["key"])] = text(value["stringValue"].error() ? value["intValue"] : value["stringValue"]);
  }
  return found;
}

Span example() {
  Span span;
  span.trace = {0x4bf92f3577b34da6, 0xa3ce929d0e0e4736};
  span.id = 0xb7;
  span.parent = 0x00f067aa0ba902b7;
  span.start_unix_ns = 1'700'000'000'000'000'000;
  span.total_ns = 1'500;
  span.stages = {{{"receive", 100}, {"parse", 0}, {"queue", 900}, {"compute", 500}, {"serialise", 0}, {"send", 0}}};
  span.version = 3;
  span.deadline_us = 20'000;
  span.slack_us = -7;
  span.http_status = 504;
  span.is_error = true;
  span.request_class = "hard";
  span.outcome = "deadline_missed";
  span.model.set("m\"\\\n\xC3\xA9\xFF");
  span.reason.set("too \x01 late");
  return span;
}

TEST(Otlp, SaysEverythingInJsonThatParses) {
  std::string body;
  const Span spans[] = {example()};
  write_export({{"service.name", "a \"b\""}, {"site", "\xFF"}}, spans, body);
  simdjson::dom::parser parser;
  const auto document = parser.parse(body);
  ASSERT_EQ(document.error(), simdjson::SUCCESS) << body;
  const auto resource = document["resourceSpans"].at(0);
  EXPECT_EQ(attributes(resource["resource"]["attributes"])["service.name"], "a \"b\"");
  EXPECT_EQ(attributes(resource["resource"]["attributes"])["site"], "?");
  const auto scope = resource["scopeSpans"].at(0);
  EXPECT_EQ(text(scope["scope"]["name"]), "tercel");
  ASSERT_EQ(scope["spans"].get_array().size(), 4u);
  const auto request = scope["spans"].at(0);
  EXPECT_EQ(text(request["traceId"]), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(text(request["spanId"]), "00000000000000b7");
  EXPECT_EQ(text(request["parentSpanId"]), "00f067aa0ba902b7");
  EXPECT_EQ(text(request["name"]), "request");
  EXPECT_EQ(request["kind"].get_int64().value(), 2);
  EXPECT_EQ(text(request["startTimeUnixNano"]), "1700000000000000000");
  EXPECT_EQ(text(request["endTimeUnixNano"]), "1700000000000001500");
  const std::map<std::string, std::string> expected = {
      {"tercel.model", "m\"\\\n\xC3\xA9?"},  {"tercel.version", "3"},         {"tercel.class", "hard"},
      {"tercel.outcome", "deadline_missed"}, {"tercel.deadline_us", "20000"}, {"tercel.slack_us", "-7"},
      {"http.response.status_code", "504"}};
  EXPECT_EQ(attributes(request["attributes"]), expected);
  EXPECT_EQ(request["status"]["code"].get_int64().value(), 2);
  EXPECT_EQ(text(request["status"]["message"]), "too \x01 late");
}

TEST(Otlp, StagesFollowEachOtherBelowTheRequest) {
  std::string body;
  const Span spans[] = {example(), example()};
  write_export({}, spans, body);
  simdjson::dom::parser parser;
  const auto list = parser.parse(body)["resourceSpans"].at(0)["scopeSpans"].at(0)["spans"];
  ASSERT_EQ(list.get_array().size(), 8u);
  EXPECT_EQ(spans[0].spans(), 4u);
  std::set<std::string> ids;
  std::string end = "1700000000000000000";
  for (size_t i = 1; i < 4; ++i) {
    const auto stage = list.at(i);
    EXPECT_EQ(text(stage["traceId"]), "4bf92f3577b34da6a3ce929d0e0e4736");
    EXPECT_EQ(text(stage["parentSpanId"]), "00000000000000b7");
    EXPECT_EQ(text(stage["name"]), (std::array{"", "receive", "queue", "compute"})[i]);
    EXPECT_EQ(text(stage["startTimeUnixNano"]), end);
    end = text(stage["endTimeUnixNano"]);
    ids.insert(text(stage["spanId"]));
  }
  EXPECT_EQ(end, "1700000000000001500");
  EXPECT_EQ(ids.size(), 3u);
  EXPECT_EQ(ids.count("0000000000000000"), 0u);
}

TEST(Otlp, LeavesOutWhatARequestDoesNotHave) {
  Span span;
  span.trace = {1, 2};
  span.id = 3;
  span.slack_us = -12;
  std::string body;
  write_export({}, std::span(&span, 1), body);
  for (const char* absent : {"parentSpanId", "deadline", "slack", "version\",\"value", "status\":{"})
    EXPECT_EQ(body.find(absent), std::string::npos) << absent << body;
  span.is_error = true;
  write_export({}, std::span(&span, 1), body);
  EXPECT_NE(body.find("\"message\":\"the answer was late by 12 us\""), std::string::npos) << body;
}

}  // namespace
}  // namespace tercel::observe::trace
