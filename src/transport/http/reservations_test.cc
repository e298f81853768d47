#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "transport/http/testing_server.h"

namespace tercel::transport::http {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;
using std::chrono_literals::operator""ms;

const std::string kAll = "/v2/reservations", kSteady = "/v2/models/steady/infer";
const std::string kWish = R"({"model":"steady","period_us":20000,"deadline_us":20000})";

// The text behind "key": in a JSON object, up to the next comma or brace, without quotes.
std::string value_of(const std::string& json, const std::string& key) {
  const auto at = json.find("\"" + key + "\":");
  if (at == std::string::npos) return "";
  const auto from = at + key.size() + 3;
  auto text = json.substr(from, json.find_first_of(",}", from) - from);
  std::erase(text, '"');
  return text;
}

std::string reserve(TestingClient& client, const std::string& wish = kWish) {
  const auto reply = client.post(kAll, wish);
  EXPECT_EQ(reply.status, 201) << reply.body;
  return value_of(reply.body, "reservation");
}

TestingReply remove(TestingClient& client, const std::string& id) {
  return client.ask("DELETE " + kAll + "/" + id + " HTTP/1.1\r\nHost: h\r\n\r\n");
}

std::string naming(const std::string& id) { return "x-tercel-reservation: " + id + "\r\n"; }

// An inference that names it in its parameters.
std::string json_naming(const std::string& id, const std::string& more = "") {
  std::string json = echo_json();
  return json.insert(json.size() - 1, R"(,"parameters":{"reservation":")" + id + "\"" + more + "}");
}

TEST(Reservations, AreMadeUsedAndReleased) {
  TestingServer server;
  TestingClient client(server.port());
  EXPECT_EQ(client.get(kAll).body, R"({"reservations":[]})");
  const auto made = client.post(kAll, R"({"model":"steady","period_us":20000,"deadline_us":16000,"jitter_us":500,"lease_s":30})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_THAT(made.head, StartsWith("HTTP/1.1 201 Created"));
  EXPECT_THAT(made.body,
              HasSubstr(R"("model":"steady","version":"1","period_us":20000,"deadline_us":16000,"jitter_us":500,"rows":1,)"
                        R"("measured_us":1000,"runs":0,"preempted":0,"worst_us":1210,"margin":0.1,)"));
  EXPECT_THAT(made.body, HasSubstr(R"("transit_us":1000,"lease_s":30,"expires_in_s":30,"served":0,"policed":0,"missed":0})"));
  const auto id = value_of(made.body, "reservation");
  for (int i = 0; i < 4; ++i) {
    const auto reply = i % 2 == 0 ? client.post(kSteady, echo_json(), naming(id)) : client.post(kSteady, json_naming(id));
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(value_of(reply.body, "class"), "guaranteed");
    EXPECT_EQ(value_of(reply.body, "late"), "false");
    const int64_t slack = std::stoll(value_of(reply.body, "slack_us"));
    EXPECT_TRUE(slack > 0 && slack <= 15'000) << slack << " us are left of 16 ms";
    std::this_thread::sleep_for(20ms);
  }
  const auto listed = client.get(kAll).body;
  EXPECT_THAT(listed, StartsWith(R"({"reservations":[{"reservation":")" + id + R"(","model":"steady")"));
  EXPECT_THAT(listed, HasSubstr(R"("served":4,"policed":0,"missed":0}]})"));
  EXPECT_THAT(client.get("/metrics").body, HasSubstr(R"(class="guaranteed",met="true"} 4)"));
  const auto released = remove(client, id);
  EXPECT_EQ(released.status, 200);
  EXPECT_EQ(value_of(released.body, "served"), "4");
  EXPECT_EQ(client.get(kAll).body, R"({"reservations":[]})");
  for (const auto& reply : {remove(client, id), client.post(kAll + "/" + id, ""), client.post(kSteady, echo_json(), naming(id)),
                            client.post(kSteady, json_naming(id))}) {
    EXPECT_EQ(reply.status, 404);
    EXPECT_THAT(reply.body, HasSubstr("there is no reservation " + id +
                                      ": it was released, its lease ran out, or its model was "
                                      "unloaded; reserve again with POST v2/reservations"));
  }
}

TEST(Reservations, WhatExceedsTheContractIsServedAsHard) {
  TestingServer server;
  TestingClient client(server.port());
  const auto id = reserve(client, R"({"model":"steady","min_interarrival_us":60000000,"deadline_us":500000})");
  const auto first = client.post(kSteady, echo_json(), naming(id)), second = client.post(kSteady, echo_json(), naming(id));
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(value_of(first.body, "class"), "guaranteed");
  ASSERT_EQ(second.status, 200) << second.body;
  EXPECT_EQ(value_of(second.body, "class"), "hard") << "a minute is not over";
  const auto shorter = client.post(kSteady, echo_json(), naming(id) + "x-tercel-deadline-us: 200\r\n");
  EXPECT_THAT(shorter.status, AnyOf(429, 504)) << "hard, and 0.2 ms are too few: " << shorter.body;
  EXPECT_THAT(client.get(kAll).body, HasSubstr(R"("served":1,"policed":2,"missed":0})"));
}

TEST(Reservations, TheEarliestDeadlineHolds) {
  TestingServer server;
  TestingClient client(server.port());
  const auto id = reserve(client, R"({"model":"steady","period_us":2000,"deadline_us":50000})");
  const auto earlier = client.post(kSteady, echo_json(), naming(id) + "x-tercel-deadline-us: 30000\r\n");
  ASSERT_EQ(earlier.status, 200) << earlier.body;
  EXPECT_EQ(value_of(earlier.body, "class"), "hard") << "nothing was promised of an earlier one";
  EXPECT_LE(std::stoll(value_of(earlier.body, "slack_us")), 30'000);
  std::this_thread::sleep_for(10ms);
  const auto later = client.post(kSteady, json_naming(id, R"(,"deadline_us":9000000)"));
  ASSERT_EQ(later.status, 200) << later.body;
  EXPECT_EQ(value_of(later.body, "class"), "guaranteed");
  EXPECT_LE(std::stoll(value_of(later.body, "slack_us")), 50'000) << "shortened";
}

TEST(Reservations, RefuseWithTheRightStatusAndASentence) {
  TestingServer server;
  TestingClient client(server.port());
  const auto id = reserve(client);
  const std::string other = "0123456789abcdef";
  struct Case {
    std::string path, body, headers;
    int status;
    const char* says;
  };
  const Case cases[] = {
      {kAll, "", "", 400, "no body"},
      {kAll, R"({"model":"steady","period_us":20000,"deadline":1})", "", 400, "unknown field 'deadline'"},
      {kAll, R"({"model":"none","period_us":20000,"deadline_us":20000})", "", 404, "no model 'none'"},
      {kAll, R"({"model":"steady","version":2,"period_us":20000,"deadline_us":20000})", "", 404, "no version 2"},
      {kAll, R"({"model":"broken","period_us":20000,"deadline_us":20000})", "", 503, "not ready"},
      {kAll, R"({"model":"soft","period_us":20000,"deadline_us":20000})", "", 400, "does not grant the class guaranteed"},
      {kAll, R"({"model":"queued","period_us":20000,"deadline_us":20000})", "", 400, "no worst case is known"},
      {kAll, kWish, "Content-Encoding: gzip\r\n", 415, "Content-Encoding"},
      {kAll + "/" + other, "", "", 404, "there is no reservation 0123456789abcdef"},
      {kAll + "/1", "", "", 404, "16 digits"},
      {kSteady, echo_json(), naming(id) + "x-tercel-class: soft\r\n", 400, "its class says soft"},
      {kSteady, json_naming(id, R"(,"class":"bulk")"), "", 400, "its class says bulk"},
      {kSteady, echo_json(), "x-tercel-class: guaranteed\r\n", 400, "the class guaranteed needs a reservation"},
      {kSteady, json_naming(other), naming(id), 400, "name two reservations"},
      {kSteady, json_naming("12"), "", 400, "the parameter reservation is '12': 16 digits"},
      {kSteady, echo_json(), naming(other), 404, "reserve again"},
      {"/v2/models/echo/infer", echo_json(), naming(id), 400, "is of version 1 of model 'steady'"},
      {"/v2/models/echo/infer", json_naming(id), "", 400, "is of version 1 of model 'steady'"},
      {"/v2/models/steady/versions/2/infer", echo_json(), naming(id), 400, "v2/models/steady/versions/1/infer"},
      {kSteady, R"({"inputs":[{"name":"x0","shape":[2,4],"datatype":"FP32","data":[1,2,3,4,5,6,7,8]}]})", naming(id), 400,
       "2 rows, and 1 are reserved"},
  };
  for (const auto& c : cases) {
    const auto reply = client.post(c.path, c.body, c.headers);
    EXPECT_EQ(reply.status, c.status) << c.path << " " << c.body << " " << c.headers << ": " << reply.body;
    EXPECT_THAT(reply.body, HasSubstr(c.says)) << c.path << " " << c.body;
  }
  EXPECT_THAT(client.get(kAll).body, HasSubstr(R"("served":0,"policed":0,"missed":0}]})")) << "none of them counts";
  const auto put = client.ask("PUT " + kAll + " HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(put.status, 405);
  EXPECT_EQ(put.header("Allow"), "GET, POST");
  EXPECT_THAT(put.body, HasSubstr("this path takes GET and POST"));
  EXPECT_EQ(client.get(kAll + "/" + id).header("Allow"), "POST, DELETE");
  for (const auto& twice : {naming(id) + naming(id), naming("xyz")}) {
    TestingClient another(server.port());
    EXPECT_EQ(another.post(kSteady, echo_json(), twice).status, 400);
  }
}

TEST(Reservations, ARefusalSaysByHowMuch) {
  TestingServer server;
  TestingClient client(server.port());
  const auto reply = client.post(kAll, R"({"model":"steady","period_us":1000,"deadline_us":20000})");
  ASSERT_EQ(reply.status, 429) << reply.body;
  EXPECT_EQ(reply.header("Content-Type"), "application/json");
  EXPECT_THAT(reply.body, StartsWith(R"({"error":"the reservation does not fit: in an interval of )"));
  EXPECT_EQ(value_of(reply.body, "worst_us"), "1210");
  const auto number = [&](const char* key) { return std::stoll(value_of(reply.body, key)); };
  EXPECT_GT(number("interval_us"), 0);
  EXPECT_GT(number("excess_us"), 0);
  EXPECT_NEAR(static_cast<double>(number("demand_us")), static_cast<double>(number("interval_us") + number("excess_us")), 1);
  EXPECT_EQ(client.get(kAll).body, R"({"reservations":[]})");
}

TEST(Reservations, TwoClientsHaveTheirOwn) {
  TestingServer server;
  TestingClient one(server.port()), two(server.port());
  const auto first = reserve(one), second = reserve(two);
  EXPECT_NE(first, second);
  EXPECT_EQ(one.post(kSteady, echo_json(), naming(first)).status, 200);
  EXPECT_EQ(value_of(two.post(kSteady, echo_json(), naming(second)).body, "class"), "guaranteed")
      << "not the excess of the other";
  remove(one, first);
  EXPECT_EQ(value_of(two.get(kAll).body, "reservations"), "[{reservation:" + second);
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(two.post(kSteady, echo_json(), naming(second)).status, 200);
}

TEST(Reservations, ASilentClientLosesItsOwn) {
  TestingServer server;
  TestingClient client(server.port());
  const auto silent = reserve(client, R"({"model":"steady","period_us":20000,"deadline_us":20000,"lease_s":1})");
  const auto renewed = reserve(client, R"({"model":"steady","period_us":20000,"deadline_us":20000,"lease_s":1})");
  for (int i = 0; i < 8; ++i) {
    std::this_thread::sleep_for(200ms);
    ASSERT_EQ(client.post(kAll + "/" + renewed, "").status, 200) << i;
  }
  EXPECT_THAT(client.post(kSteady, echo_json(), naming(silent)).body, HasSubstr("its lease ran out"));
  EXPECT_EQ(value_of(client.get(kAll).body, "reservations"), "[{reservation:" + renewed);
}

TEST(Reservations, GoWithAModelThatIsUnloaded) {
  TestingServer server;
  TestingClient client(server.port());
  const auto id = reserve(client);
  ASSERT_TRUE(server.server().unload("steady").ok());
  EXPECT_EQ(client.post(kSteady, echo_json(), naming(id)).status, 404);
  EXPECT_EQ(client.post(kSteady, echo_json()).status, 503);
  EXPECT_EQ(client.post(kAll, kWish).status, 503);
  EXPECT_EQ(client.get(kAll).body, R"({"reservations":[]})");
}

TEST(Reservations, AreNotMadeWhileTheServerShutsDown) {
  TestingServer server;
  TestingClient client(server.port());
  server.server().drain();
  EXPECT_EQ(client.post(kAll, kWish).status, 503);
}

}  // namespace
}  // namespace tercel::transport::http
