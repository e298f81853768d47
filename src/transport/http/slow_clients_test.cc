#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "transport/http/testing_server.h"

namespace tercel::transport::http {
namespace {

using std::chrono_literals::operator""s, std::chrono_literals::operator""ms;

constexpr size_t kMany = 200;
constexpr int64_t kSecond = 1'000'000'000;

HttpOptions one_thread() {
  HttpOptions options;
  options.threads = 1;  // all of them beside each other
  return options;
}

// Asks for a short inference and for the health of the server until that holds. Each is answered, none late.
void ask_until(const TestingServer& server, const std::function<bool()>& holds) {
  TestingClient witness(server.port());
  const int64_t end = platform::now_ns() + 15 * kSecond;
  int64_t longest = 0;
  for (int i = 0; !holds(); ++i) {
    const int64_t begun = platform::now_ns();
    ASSERT_LT(begun, end) << "it does not come to hold";
    const auto reply =
        witness.post("/v2/models/echo/infer", echo_json(static_cast<float>(i)), "x-tercel-deadline-us: 5000000\r\n");
    ASSERT_EQ(reply.status, 200) << i << reply.body;
    ASSERT_THAT(reply.body, testing::HasSubstr("[" + std::to_string(i) + ",2,3,4]"));
    ASSERT_EQ(witness.get("/v2/health/live").status, 200) << i;
    longest = std::max(longest, platform::now_ns() - begun);
    std::this_thread::sleep_for(1ms);
  }
  testing::Test::RecordProperty("longest_us", std::to_string(longest / 1000));
  EXPECT_LT(longest, 2 * kSecond);
}

std::string head_of(size_t content_length) {
  return "POST /v2/models/echo/infer HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(content_length) + "\r\n\r\n";
}

// A binary inference of that many rows; its answer is as long.
std::string binary_request(size_t rows) {
  const std::string json = R"({"inputs":[{"name":"x0","shape":[)" + std::to_string(rows) +
                           R"(,4],"datatype":"FP32","parameters":{"binary_data_size":)" + std::to_string(rows * 16) +
                           R"(}}],"parameters":{"binary_data_output":true}})";
  std::string whole =
      "POST /v2/models/echo/infer HTTP/1.1\r\nHost: h\r\nInference-Header-Content-Length: " + std::to_string(json.size()) +
      "\r\nContent-Length: " + std::to_string(json.size() + rows * 16) + "\r\n\r\n";
  return whole + json + std::string(rows * 16, '\0');
}

// They announce more together than the server may hold, and send next to nothing of it.
TEST(SlowClients, ManyWhoPromiseLargeBodiesTakeNothingFromOthers) {
  HttpOptions options = one_thread();
  options.limits.memory_bytes = size_t{128} << 20;
  options.limits.body = 2s;
  TestingServer server(options);
  const int64_t memory = server.http().memory_left();
  std::deque<TestingClient> slow;
  for (size_t i = 0; i < kMany; ++i) {
    slow.emplace_back(server.port());
    slow.back().send(head_of(size_t{32} << 20) + "{");
  }
  const auto& counters = server.http().counters();
  ask_until(server, [&] {
    for (auto& client : slow) client.send(" ");
    return counters.timeouts.value() == kMany;
  });
  EXPECT_TRUE(eventually([&] { return counters.connections_open.load() == 0 && server.http().memory_left() == memory; }))
      << memory - server.http().memory_left() << " bytes are still held";
}

// It has to send what it promised: a promise of much gives no more time than a promise of little.
TEST(SlowClients, APromiseOfALargeBodyBuysNoTime) {
  HttpOptions options = one_thread();
  options.limits.body = 100ms;
  TestingServer server(options);
  for (const auto path : {"echo", "none"}) {
    TestingClient client(server.port());
    client.send("POST /v2/models/" + std::string(path) + "/infer HTTP/1.1\r\nHost: h\r\nContent-Length: 60000000\r\n\r\n{");
    EXPECT_EQ(client.receive().status, 408) << path;
    EXPECT_TRUE(client.is_closed());
  }
}

// One that keeps up the least rate may take longer than the time-out.
TEST(SlowClients, WhoSendsSteadilyGetsItsTime) {
  HttpOptions options = one_thread();
  options.limits.body = 400ms;
  TestingServer server(options);
  TestingClient client(server.port());
  const std::string request = binary_request(16'384);  // 256 KiB
  const int64_t begun = platform::now_ns();
  for (size_t at = 0; at < request.size(); at += 16'384, std::this_thread::sleep_for(60ms))
    ASSERT_TRUE(client.send(std::string_view(request).substr(at, 16'384))) << at;
  EXPECT_GT(platform::now_ns() - begun, kSecond * 9 / 10);
  EXPECT_EQ(client.receive().status, 200);
}

TEST(SlowClients, ABodyForWhichNoMemoryIsLeftIsRefusedInTheMiddle) {
  HttpOptions options = one_thread();
  options.limits.memory_bytes = size_t{4} << 20;
  TestingServer server(options);
  const int64_t memory = server.http().memory_left();
  {
    TestingClient first(server.port()), second(server.port());
    const std::string half(size_t{3} << 19, ' ');
    first.send(head_of(size_t{3} << 20) + half);
    second.send(head_of(size_t{3} << 20) + half);
    first.send(half);
    second.send(half);
    const auto one = first.receive(), other = second.receive();
    EXPECT_EQ(one.status + other.status, 400 + 503) << "all spaces is no JSON; the other one of them found no room";
    EXPECT_THAT(one.body + other.body, testing::HasSubstr("no memory left for bodies"));
    TestingClient small(server.port());
    EXPECT_EQ(small.post("/v2/models/echo/infer", echo_json()).status, 200);
  }
  EXPECT_TRUE(eventually([&] { return server.http().memory_left() == memory; }));
}

// Half of them read nothing, half a kilobyte a second or so.
TEST(SlowClients, ManyWhoReadSlowlyTakeNothingFromOthers) {
  HttpOptions options = one_thread();
  options.limits.send = 1s;
  TestingServer server(options);
  const int64_t memory = server.http().memory_left();
  std::deque<TestingClient> slow;
  const std::string request = binary_request(24'576);  // 384 KiB
  for (size_t i = 0; i < kMany; ++i) {
    slow.emplace_back(server.port(), TestingClient::Window::kSmall);
    slow.back().send(request);
  }
  const auto& counters = server.http().counters();
  int64_t read_at = platform::now_ns();
  ask_until(server, [&] {
    if (platform::now_ns() > read_at + kSecond / 10) {
      read_at = platform::now_ns();
      std::byte some[100];
      for (size_t i = 0; i < kMany; i += 2) (void)::recv(slow[i].socket(), some, sizeof some, MSG_DONTWAIT);
    }
    return counters.timeouts.value() == kMany;
  });
  const auto echo = server.model("echo");
  EXPECT_TRUE(eventually([&] { return echo->statistics.count(serve::Outcome::kCancelled) == kMany; }));
  EXPECT_TRUE(eventually([&] { return counters.connections_open.load() == 0 && server.http().memory_left() == memory; }))
      << memory - server.http().memory_left() << " bytes are still held";
}

}  // namespace
}  // namespace tercel::transport::http
