#include "transport/http/request_span.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "observe/trace/testing_collector.h"
#include "transport/http/testing_server.h"

namespace tercel::transport::http {
namespace {

using observe::trace::TestingCollector;
using testing::HasSubstr;
using testing::Not;

observe::trace::Options options_for(const TestingCollector& collector) {
  observe::trace::Options options;
  options.collector = observe::trace::parse_collector(collector.url() + "/v1/traces").take();
  options.batch_max = 1;  // each request on its own
  return options;
}

constexpr const char* kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
std::string trace_header(const char* flags) {
  return std::string("traceparent: 00-") + kTrace + "-00f067aa0ba902b7-" + flags + "\r\n";
}

// A span's attribute, "" when it has none.
std::string attribute(simdjson::simdjson_result<simdjson::dom::element> span, std::string_view name) {
  for (const auto item : span["attributes"].get_array()) {
    if (item["key"].get_string().value() != name) continue;
    const auto value = item["value"];
    return std::string((value["stringValue"].error() ? value["intValue"] : value["stringValue"]).get_string().value());
  }
  return "";
}

class RequestSpan : public testing::Test {
 protected:
  // The spans of the newest request, once there are so many requests; the first one is that of the request itself.
  simdjson::simdjson_result<simdjson::dom::element> spans(size_t requests) {
    const auto bodies = collector_.bodies(requests);
    EXPECT_EQ(bodies.size(), requests);
    if (bodies.size() != requests) return simdjson::NO_SUCH_FIELD;
    return parser_.parse(bodies.back())["resourceSpans"].at(0)["scopeSpans"].at(0)["spans"];
  }

  TestingCollector collector_;
  observe::trace::Tracer tracer_{options_for(collector_)};
  TestingServer server_{HttpOptions{.tracer = &tracer_}};
  TestingClient client_{server_.port()};
  simdjson::dom::parser parser_;
};

TEST_F(RequestSpan, BelongsToTheCallersTrace) {
  ASSERT_EQ(client_.post("/v2/models/slow/infer", echo_json(), trace_header("01")).status, 200);
  const auto list = spans(1);
  const auto request = list.at(0);
  EXPECT_EQ(request["traceId"].get_string().value(), kTrace);
  EXPECT_EQ(request["parentSpanId"].get_string().value(), "00f067aa0ba902b7");
  EXPECT_EQ(request["kind"].get_int64().value(), 2);
  EXPECT_EQ(attribute(request, "tercel.model"), "slow");
  EXPECT_EQ(attribute(request, "tercel.version"), "1");
  EXPECT_EQ(attribute(request, "tercel.class"), "soft");
  EXPECT_EQ(attribute(request, "tercel.outcome"), "ok");
  EXPECT_EQ(attribute(request, "tercel.deadline_us"), "");
  EXPECT_EQ(attribute(request, "http.response.status_code"), "200");
  EXPECT_TRUE(request["status"].error());
  const auto unix_ns = [](auto span, const char* key) { return std::stoll(std::string(span[key].get_string().value())); };
  bool has_compute = false;
  int64_t end_ns = unix_ns(request, "startTimeUnixNano");
  for (size_t i = 1; i < list.get_array().size(); ++i) {
    EXPECT_EQ(list.at(i)["parentSpanId"].get_string().value(), request["spanId"].get_string().value());
    EXPECT_EQ(unix_ns(list.at(i), "startTimeUnixNano"), end_ns);
    end_ns = unix_ns(list.at(i), "endTimeUnixNano");
    if (list.at(i)["name"].get_string().value() != "compute") continue;
    has_compute = true;
    EXPECT_GE(end_ns - unix_ns(list.at(i), "startTimeUnixNano"), 100'000'000);
  }
  EXPECT_TRUE(has_compute);
  EXPECT_EQ(end_ns, unix_ns(request, "endTimeUnixNano"));
  EXPECT_NEAR(static_cast<double>(end_ns), static_cast<double>(std::time(nullptr)) * 1e9, 60e9);
}

TEST_F(RequestSpan, ExistsForSampledInferencesAlone) {
  client_.post("/v2/models/echo/infer", echo_json(), trace_header("00"));
  EXPECT_EQ(client_.get("/v2/models/echo").status, 200);
  ASSERT_EQ(client_.post("/v2/models/echo/infer", echo_json(), "traceparent: 00-nonsense\r\n").status, 200);
  const auto request = spans(1).at(0);
  EXPECT_NE(request["traceId"].get_string().value(), kTrace);
  EXPECT_TRUE(request["parentSpanId"].error());
  EXPECT_EQ(attribute(request, "tercel.model"), "echo");
  for (int i = 0; i < 1000 && tracer_.spans_exported() == 0; ++i) ::usleep(10'000);
  const std::string metrics = client_.get("/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("tercel_trace_spans_exported_total " + std::to_string(tracer_.spans_exported()) + "\n"));
  EXPECT_THAT(metrics, HasSubstr("tercel_trace_spans_dropped_total{reason=\"queue_full\"} 0\n"));
  EXPECT_EQ(collector_.requests().size(), 1u);
}

TEST_F(RequestSpan, AMissedDeadlineIsAnErrorWithItsReason) {
  std::string hard = echo_json(), soft = echo_json();
  hard.insert(1, R"("parameters":{"deadline_us":20000},)");
  soft.insert(1, R"("parameters":{"class":"soft","deadline_us":1},)");
  ASSERT_EQ(client_.post("/v2/models/slow/infer", hard).status, 504);
  auto request = spans(1).at(0);
  EXPECT_EQ(request["status"]["code"].get_int64().value(), 2);
  EXPECT_THAT(std::string(request["status"]["message"].get_string().value()), HasSubstr("deadline passed"));
  EXPECT_EQ(attribute(request, "tercel.outcome"), "deadline_missed");
  EXPECT_EQ(attribute(request, "tercel.deadline_us"), "20000");
  EXPECT_EQ(attribute(request, "tercel.slack_us")[0], '-');
  EXPECT_EQ(attribute(request, "tercel.class"), "hard");
  EXPECT_EQ(attribute(request, "http.response.status_code"), "504");
  ASSERT_EQ(client_.post("/v2/models/echo/infer", soft).status, 200);
  request = spans(2).at(0);
  EXPECT_EQ(request["status"]["code"].get_int64().value(), 2);
  EXPECT_THAT(std::string(request["status"]["message"].get_string().value()), HasSubstr("late by "));
  EXPECT_EQ(attribute(request, "tercel.outcome"), "late");
}

TEST_F(RequestSpan, TellsOfWhatWasRefused) {
  ASSERT_EQ(client_.post("/v2/models/nothing/infer", echo_json()).status, 404);
  auto request = spans(1).at(0);
  EXPECT_EQ(attribute(request, "tercel.model"), "nothing");
  EXPECT_EQ(attribute(request, "tercel.version"), "");
  EXPECT_EQ(attribute(request, "tercel.outcome"), "invalid");
  EXPECT_EQ(attribute(request, "http.response.status_code"), "404");
  EXPECT_TRUE(request["status"].error());
  ASSERT_EQ(client_.post("/v2/models/failing/infer", echo_json(), trace_header("01")).status, 500);
  request = spans(2).at(0);
  EXPECT_EQ(attribute(request, "tercel.outcome"), "error");
  EXPECT_EQ(request["status"]["code"].get_int64().value(), 2);
  ASSERT_EQ(client_.post("/v2/models/echo/infer", "{", trace_header("01")).status, 400);
  request = spans(3).at(0);
  EXPECT_EQ(attribute(request, "tercel.outcome"), "invalid");
  EXPECT_TRUE(request["status"].error());
  // A head that is refused has no trace, and not that of the request before.
  EXPECT_EQ(client_.ask("NONSENSE\r\n\r\n").status, 400);
  TestingClient other(server_.port());
  ASSERT_EQ(other.post("/v2/models/echo/infer", echo_json()).status, 200);
  EXPECT_EQ(attribute(spans(4).at(0), "tercel.outcome"), "ok");
}

TEST(RequestSpanOff, CostsNoSpanAndNoMetric) {
  TestingServer server;
  TestingClient client(server.port());
  EXPECT_EQ(client.post("/v2/models/echo/infer", echo_json(), trace_header("01")).status, 200);
  EXPECT_THAT(client.get("/metrics").body, Not(HasSubstr("tercel_trace_")));
}

}  // namespace
}  // namespace tercel::transport::http
