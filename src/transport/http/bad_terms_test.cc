#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "transport/http/testing_server.h"

namespace tercel::transport::http {
namespace {

using serve::Outcome;
using std::chrono_literals::operator""ms;
using testing::AnyOf;
using testing::HasSubstr;

// One row for `echo`, with these parameters of the request.
std::string json_with(const std::string& parameters) {
  const std::string json = echo_json();
  return parameters.empty() ? json : "{\"parameters\":{" + parameters + "}," + json.substr(1);
}

std::string deadline_header(const std::string& value) { return "x-tercel-deadline-us: " + value + "\r\n"; }

struct Case {
  std::string headers, parameters;
  int status;
  const char* says;
};

// Each on a connection of its own, beside one whose requests go on being answered.
void expect_refused(std::span<const Case> cases) {
  TestingServer server;
  TestingClient witness(server.port());
  uint64_t answered = 0;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.headers + c.parameters);
    TestingClient client(server.port());
    const auto reply = client.post("/v2/models/echo/infer", json_with(c.parameters), c.headers);
    EXPECT_EQ(reply.status, c.status) << reply.body;
    EXPECT_THAT(reply.body, HasSubstr(c.says));
    if (c.status == 200) ++answered;
    else EXPECT_THAT(reply.body, testing::StartsWith(R"({"error":")"));
    const auto good = witness.post("/v2/models/echo/infer", echo_json(7), deadline_header("10000000"));
    EXPECT_EQ(good.status, 200) << good.body;
    EXPECT_THAT(good.body, HasSubstr("[7,2,3,4]"));
  }
  const auto echo = server.model("echo");
  EXPECT_TRUE(eventually([&] { return echo->statistics.answers() == cases.size() + answered; }));
  EXPECT_EQ(echo->statistics.count(Outcome::kError), 0u);
  EXPECT_EQ(echo->load().queued + echo->load().computing, 0u);
}

TEST(BadTerms, DeadlinesInTheHeader) {
  const Case cases[] = {
      {deadline_header("0"), "", 400, "x-tercel-deadline-us is 0: give the microseconds"},
      {deadline_header("-1"), "", 400, "x-tercel-deadline-us is -1"},
      {deadline_header("3600000001"), "", 400, "1 to 3600000000"},
      {deadline_header("9223372036854775807"), "", 400, "1 to 3600000000"},
      {deadline_header("9223372036854775808"), "", 400, "1 to 3600000000"},
      {deadline_header("-9223372036854775809"), "", 400, "1 to 3600000000"},
      {deadline_header(std::string(400, '9')), "", 400, "1 to 3600000000"},
      {deadline_header(""), "", 400, "x-tercel-deadline-us is not a number"},
      {deadline_header("-"), "", 400, "not a number"},
      {deadline_header("+5"), "", 400, "not a number"},
      {deadline_header("0x10"), "", 400, "not a number"},
      {deadline_header("1e6"), "", 400, "not a number"},
      {deadline_header("100000.5"), "", 400, "not a number"},
      {deadline_header("100000, 100000"), "", 400, "not a number"},
      {deadline_header("soon"), "", 400, "not a number"},
      {deadline_header("nan"), "", 400, "not a number"},
      {deadline_header("100000") + deadline_header("100000"), "", 400, "given twice"},
      {deadline_header("3600000000"), "", 200, R"("class":"hard")"},
      {deadline_header("  10000000  "), "", 200, R"("class":"hard")"},
  };
  expect_refused(cases);
}

TEST(BadTerms, DeadlinesInTheParameters) {
  for (const std::string name : {"deadline_us", "timeout"}) {
    const auto with = [&](const std::string& value) { return "\"" + name + "\":" + value; };
    const std::string wrong_type = name + " has the wrong JSON type";
    const Case cases[] = {
        {"", with("-1"), 400, "is -1: give the microseconds"},
        {"", with("3600000001"), 400, "to 3600000000"},
        {"", with("9223372036854775807"), 400, "to 3600000000"},
        {"", with("9223372036854775808"), 400, name.c_str()},
        {"", with("18446744073709551616"), 400, name.c_str()},
        {"", with("1e400"), 400, name.c_str()},
        {"", with("1000000.5"), 400, name.c_str()},
        {"", with("1e6"), 400, name.c_str()},
        {"", with("NaN"), 400, name.c_str()},
        {"", with("\"1000000\""), 400, wrong_type.c_str()},
        {"", with("\"\""), 400, wrong_type.c_str()},
        {"", with("null"), 400, wrong_type.c_str()},
        {"", with("true"), 400, wrong_type.c_str()},
        {"", with("[1000000]"), 400, wrong_type.c_str()},
        {"", with("{}"), 400, wrong_type.c_str()},
        {"", with("1000000") + "," + with("1000000"), 400, "is given twice"},
        {"", with("1000000") + "}," + R"("parameters":{)" + with("1000000"), 400, "is given twice"},
        {"", with("3600000000"), 200, R"("class":"hard")"},
    };
    expect_refused(cases);
  }
  const Case zeros[] = {
      {"", R"("deadline_us":0)", 400, "deadline_us is 0"},
      {"", R"("timeout":0)", 200, R"("data":[1,2,3,4])"},  // Triton's clients mean none by it
  };
  expect_refused(zeros);
}

TEST(BadTerms, ClassesAndAccuracy) {
  const Case cases[] = {
      {"x-tercel-class: urgent\r\n", "", 400, "none of guaranteed, hard, soft and bulk"},
      {"x-tercel-class:\r\n", "", 400, "none of guaranteed, hard, soft and bulk"},
      {"x-tercel-class: soft\r\nx-tercel-class: soft\r\n", "", 400, "x-tercel-class is given twice"},
      {"x-tercel-class: hard\r\n", "", 400, "hard needs a deadline"},
      {"x-tercel-class: hard\r\n", R"("timeout":0)", 400, "hard needs a deadline"},
      {"x-tercel-class: bulk\r\n" + deadline_header("1000000"), "", 400, "bulk has no deadline"},
      {"x-tercel-class: soft\r\n", R"("class":"hard","deadline_us":1000000)", 400, "says soft, the parameter class says hard"},
      {"", R"("class":"urgent")", 400, "the parameter class is 'urgent'"},
      {"", R"("class":"HARD","deadline_us":1000000)", 400, "the parameter class is 'HARD'"},
      {"", R"("class":"")", 400, "the parameter class is ''"},
      {"", R"("class":3)", 400, "class has the wrong JSON type"},
      {"", R"("class":"soft","class":"soft")", 400, "the parameter class is given twice"},
      {"", R"("class":"hard")", 400, "hard needs a deadline"},
      {"", R"("class":"bulk","timeout":1000000)", 400, "bulk has no deadline"},
      {deadline_header("1000000"), R"("class":"bulk")", 400, "bulk has no deadline"},
      {"", R"("min_accuracy":-0.1)", 400, "min_accuracy must be a number from 0 to 1"},
      {"", R"("min_accuracy":1.000001)", 400, "min_accuracy must be a number from 0 to 1"},
      {"", R"("min_accuracy":1e400)", 400, "min_accuracy"},
      {"", R"("min_accuracy":NaN)", 400, "min_accuracy"},
      {"", R"("min_accuracy":"0.5")", 400, "min_accuracy has the wrong JSON type"},
      {"", R"("min_accuracy":0.5,"min_accuracy":0.5)", 400, "min_accuracy is given twice"},
      {"x-tercel-class: soft\r\n", R"("class":"soft","min_accuracy":0.5)", 200, R"("data":[1,2,3,4])"},
      {"", R"("class":"bulk","timeout":0)", 200, R"("data":[1,2,3,4])"},
  };
  expect_refused(cases);
}

// The earliest of the three, wherever it stands: the two others allow plenty of time.
TEST(BadTerms, TheEarliestOfDisagreeingDeadlinesCounts) {
  TestingServer server;
  TestingClient client(server.port());
  for (int earliest = 0; earliest < 3; ++earliest) {
    const auto us = [&](int place) { return std::to_string(place == earliest ? 1 : 3'000'000'000); };
    const auto reply = client.post("/v2/models/echo/infer", json_with(R"("deadline_us":)" + us(1) + R"(,"timeout":)" + us(2)),
                                   deadline_header(us(0)));
    EXPECT_EQ(reply.status, 504) << earliest << reply.body;
    EXPECT_THAT(reply.body, HasSubstr("the deadline passed before the request had been received"));
  }
  EXPECT_EQ(client.post("/v2/models/echo/infer", echo_json()).status, 200);
}

// Its time runs from the first byte: a body that comes later than the deadline is told so, and computed only where a late answer
// is still worth something.
TEST(BadTerms, ADeadlineThatPassesWhileTheBodyComes) {
  TestingServer server;
  TestingClient witness(server.port());
  const std::string json = echo_json();
  for (const std::string name : {"hard", "soft"}) {
    TestingClient client(server.port());
    client.send("POST /v2/models/queued/infer HTTP/1.1\r\nHost: h\r\nx-tercel-class: " + name + "\r\n" + deadline_header("1000") +
                "Content-Length: " + std::to_string(json.size()) + "\r\n\r\n" + json.substr(0, 10));
    std::this_thread::sleep_for(20ms);
    EXPECT_EQ(witness.post("/v2/models/queued/infer", json, deadline_header("10000000")).status, 200);
    client.send(json.substr(10));
    const auto reply = client.receive();
    EXPECT_EQ(reply.status, name == "hard" ? 504 : 200) << reply.body;
    EXPECT_THAT(reply.body, HasSubstr(name == "hard" ? "the deadline passed" : R"("late":true)"));
    EXPECT_EQ(client.post("/v2/models/queued/infer", json).status, 200) << "the connection goes on";
  }
  const auto queued = server.model("queued");
  const auto is_counted = [&] { return queued->statistics.answers() == 5; };
  EXPECT_TRUE(eventually(is_counted)) << queued->statistics.answers();
  EXPECT_EQ(queued->statistics.count(Outcome::kDeadlineMissed), 1u);
  EXPECT_EQ(queued->statistics.count(Outcome::kLate), 1u);
}

}  // namespace
}  // namespace tercel::transport::http
