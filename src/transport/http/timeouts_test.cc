#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "transport/http/testing_server.h"

namespace tercel::transport::http {
namespace {

using std::chrono_literals::operator""s, std::chrono_literals::operator""ms;

HttpOptions impatient() {
  HttpOptions options;
  options.limits.idle = 150ms;
  options.limits.head = 100ms;
  options.limits.body = 100ms;
  options.limits.send = 100ms;
  return options;
}

TEST(Timeouts, SlowHeadsAndBodiesAreToldAndClosed) {
  TestingServer server(impatient());
  for (const auto begun :
       {"GET /v2 HT", "POST /v2/models/echo/infer HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{\"inputs\"",
        "POST /v2/models/none/infer HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{\"inputs\""}) {
    TestingClient client(server.port());
    client.send(begun);
    const auto reply = client.receive();
    EXPECT_EQ(reply.status, 408) << begun;
    EXPECT_TRUE(client.is_closed());
  }
  EXPECT_EQ(server.http().counters().timeouts.value(), 3u);
}

TEST(Timeouts, TricklingDoesNotHelp) {
  TestingServer server(impatient());
  TestingClient client(server.port());
  bool open = client.send("GET /v2 HTTP/1.1\r\n");
  for (int i = 0; i < 100 && open; ++i, std::this_thread::sleep_for(10ms)) open = client.send("A: b\r\n");
  EXPECT_FALSE(open);
}

TEST(Timeouts, IdleConnectionsAreClosedQuietly) {
  TestingServer server(impatient());
  TestingClient fresh(server.port()), used(server.port());
  EXPECT_EQ(used.get("/v2").status, 200);
  EXPECT_TRUE(fresh.is_closed());
  EXPECT_TRUE(used.is_closed());
  EXPECT_EQ(server.http().counters().timeouts.value(), 0u);
}

TEST(Timeouts, ClientsThatDoNotReadAreClosed) {
  TestingServer server(impatient());
  TestingClient client(server.port());
  bool open = true;
  const std::string metrics = "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n";
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (open && std::chrono::steady_clock::now() < end) open = client.send(metrics);
  EXPECT_FALSE(open);
  EXPECT_TRUE(server.http().wait_until_idle(2s));
  EXPECT_EQ(server.http().counters().timeouts.value(), 1u);
}

TEST(Timeouts, ComputingIsNotIdling) {
  TestingServer server(impatient());
  TestingClient client(server.port());
  std::thread other([&] { TestingClient(server.port()).post("/v2/models/slow/infer", echo_json()); });
  EXPECT_EQ(client.post("/v2/models/slow/infer", echo_json()).status, 200);  // 100 to 200 ms
  other.join();
}

TEST(Limits, MoreConnectionsThanAllowedAreTold) {
  HttpOptions options;
  options.limits.connections = 2;
  TestingServer server(options);
  TestingClient first(server.port()), second(server.port());
  EXPECT_EQ(first.get("/v2").status, 200);
  EXPECT_EQ(second.get("/v2").status, 200);
  {
    TestingClient third(server.port());
    const auto reply = third.receive();
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.header("Retry-After"), "1");
    EXPECT_TRUE(third.is_closed());
  }
  EXPECT_EQ(first.get("/v2").status, 200);
  EXPECT_EQ(server.http().counters().connections_refused.value(), 1u);
}

TEST(Limits, BodiesTogetherHaveABudget) {
  HttpOptions options;
  options.limits.memory_bytes = 100'000;
  TestingServer server(options);
  TestingClient client(server.port());
  EXPECT_EQ(client.post("/v2/models/echo/infer", echo_json()).status, 200);
  const auto reply = client.post("/v2/models/echo/infer", std::string(200'000, ' '));
  EXPECT_EQ(reply.status, 503);
  EXPECT_THAT(reply.body, testing::HasSubstr("no memory left for bodies"));
  EXPECT_EQ(client.post("/v2/models/echo/infer", echo_json()).status, 200);
}

}  // namespace
}  // namespace tercel::transport::http
