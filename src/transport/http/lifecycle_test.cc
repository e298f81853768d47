#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "transport/http/testing_server.h"

namespace tercel::transport::http {
namespace {

using std::chrono_literals::operator""s, std::chrono_literals::operator""ms;

TEST(Lifecycle, DrainingFinishesWhatIsInFlightAndRefusesTheRest) {
  TestingServer server;
  TestingClient idle(server.port()), busy(server.port()), begun(server.port());
  EXPECT_EQ(idle.get("/v2/health/ready").status, 200);
  const std::string json = echo_json();
  busy.send("POST /v2/models/slow/infer HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(json.size()) + "\r\n\r\n" +
            json);
  begun.send("GET /v2/health/ready HT");
  std::this_thread::sleep_for(30ms);
  server.server().drain();
  server.http().drain();
  EXPECT_TRUE(idle.is_closed());
  begun.send("TP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(begun.receive().status, 503);
  EXPECT_TRUE(begun.is_closed());
  EXPECT_EQ(busy.receive().status, 200);
  EXPECT_TRUE(server.http().wait_until_idle(2s));
}

TEST(Lifecycle, StopsWhileRequestsAreInFlight) {
  auto server = std::make_unique<TestingServer>();
  TestingClient client(server->port());
  const std::string json = echo_json();
  client.send("POST /v2/models/slow/infer HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(json.size()) + "\r\n\r\n" +
              json);
  std::this_thread::sleep_for(20ms);
  server.reset();
  EXPECT_TRUE(client.is_closed());
}

TEST(Lifecycle, SaysWhyItCannotListen) {
  TestingServer server;
  struct Case {
    HttpOptions options;
    const char* says;
  };
  const Case cases[] = {
      {{.port = server.port()}, "another program has it"},
      {{.address = "localhost"}, "'localhost' is not an IP address"},
      {{.address = "192.0.2.1", .port = 0}, "this machine has no such address"},
  };
  for (const auto& c : cases) {
    const auto started = HttpServer::start(server.server(), c.options);
    ASSERT_FALSE(started.ok());
    EXPECT_THAT(started.error().message(), testing::HasSubstr(c.says));
  }
}

// Many connections over two I/O threads, on all ways of computing, while models come and go and clients break off.
TEST(Lifecycle, SurvivesACrowd) {
  HttpOptions options;
  options.threads = 2;
  TestingServer server(options);
  std::atomic<int> answered{0}, unexpected{0};
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      const std::string paths[] = {"/v2/models/echo/infer", "/v2/models/queued/infer"};
      for (int i = 0; i < 20; ++i) {
        TestingClient client(server.port());
        for (int j = 0; j < 10; ++j) {
          const auto reply = client.post(paths[static_cast<size_t>(j + t) % 2], echo_json(static_cast<float>(i)));
          if (reply.status == 200 && reply.body.find("[" + std::to_string(i) + ",2,3,4]") != std::string::npos) ++answered;
          else ++unexpected;
        }
        client.send("POST /v2/models/queued/infer HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\n{");  // breaks off
        TestingClient late(server.port());
        const std::string json = echo_json();
        late.send("POST /v2/models/queued/infer HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(json.size()) +
                  "\r\n\r\n" + json);
      }
    });
  }
  std::thread reader([&] {
    TestingClient client(server.port());
    while (!done) {
      if (client.get("/metrics").status != 200 || client.get("/v2/models/stats").status != 200) ++unexpected;
      (void)server.server().load("versions").ok();
    }
  });
  for (auto& thread : threads) thread.join();
  done = true;
  reader.join();
  EXPECT_EQ(answered, 8 * 20 * 10);
  EXPECT_EQ(unexpected, 0);
}

// Bytes that are nearly requests, on connections of their own: each is answered or closed, and good ones go on.
TEST(Lifecycle, SurvivesMutatedRequests) {
  HttpOptions options;
  options.limits.idle = options.limits.head = options.limits.body = 200ms;
  TestingServer server(options);
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::string json = echo_json();
  const std::string good =
      "POST /v2/models/echo/infer HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(json.size()) + "\r\n\r\n" + json;
  TestingClient witness(server.port());
  for (int i = 0; i < 500; ++i) {
    std::string bytes = good;
    for (uint64_t edits = 1 + random() % 3; edits > 0; --edits) {
      const size_t at = random() % bytes.size();
      if (random() % 2) bytes[at] = static_cast<char>(random());
      else bytes.erase(at, 1 + random() % 5);
    }
    TestingClient client(server.port());
    client.send(bytes);
    if (random() % 4 == 0) ::shutdown(client.socket(), SHUT_WR);
    if (random() % 8 != 0) continue;
    EXPECT_EQ(witness.ask(good).status, 200);
  }
  EXPECT_EQ(witness.ask(good).status, 200);
}

}  // namespace
}  // namespace tercel::transport::http
