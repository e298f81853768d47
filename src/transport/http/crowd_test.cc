#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <deque>

#include "transport/http/testing_server.h"

namespace tercel::transport::http {
namespace {

using serve::Outcome;

// As many connections as this process may have both ends of, up to `most`.
size_t connections(size_t most) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  getrlimit(RLIMIT_NOFILE, &files);
  return std::min<size_t>(most, (files.rlim_cur - 200) / 2);
}

HttpOptions roomy(size_t connections) {
  HttpOptions options;
  options.limits.connections = static_cast<uint32_t>(connections + 100);
  return options;
}

// Asks again and again how the server is while the test goes on.
class Pulse {
 public:
  explicit Pulse(uint16_t port) : thread_([this, port] { ask(port); }) {}
  ~Pulse() { stop(); }
  // Of all answers, in microseconds.
  int64_t p99_us() {
    stop();
    check(!took_us_.empty(), "asked once at least");
    std::ranges::sort(took_us_);
    return took_us_[took_us_.size() * 99 / 100];
  }
  int failures() const { return failures_; }

 private:
  void ask(uint16_t port) {
    TestingClient client(port);
    while (!done_) {
      const int64_t begun = platform::now_ns();
      failures_ += client.get("/v2/health/ready").status != 200;
      took_us_.push_back((platform::now_ns() - begun) / 1000);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  void stop() {
    done_ = true;
    if (thread_.joinable()) thread_.join();
  }

  std::atomic<bool> done_{false};
  std::atomic<int> failures_{0};
  std::vector<int64_t> took_us_;
  std::thread thread_;
};

std::string terms_of(size_t i) {
  switch (i % 4) {
    case 0: return "x-tercel-class: bulk\r\n";
    case 1: return "x-tercel-class: soft\r\nx-tercel-deadline-us: 1000000\r\n";
    case 2: return "x-tercel-deadline-us: 30000000\r\n";
    default: return "";
  }
}

TEST(Crowd, ThousandsThatWaitAreAllAnsweredOrRefused) {
  const size_t count = connections(4000);
  TestingServer server(roomy(count));
  const int64_t memory = server.http().memory_left();
  Pulse pulse(server.port());
  {
    std::deque<TestingClient> clients;
    for (size_t i = 0; i < count; ++i) {
      clients.emplace_back(server.port());
      ASSERT_TRUE(clients.back().send(infer_bytes("many", echo_json(static_cast<float>(i)), terms_of(i)))) << i;
    }
    size_t answered = 0, refused = 0;
    for (size_t i = 0; i < count; ++i) {
      const auto reply = clients[i].receive();
      if (reply.status == 200) {
        ++answered;
        ASSERT_THAT(reply.body, testing::HasSubstr("[" + std::to_string(i) + ",2,3,4]"));
      } else {
        ++refused;
        ASSERT_THAT(reply.status, testing::AnyOf(429, 504)) << reply.body;
      }
    }
    EXPECT_EQ(answered + refused, count);
    EXPECT_GT(answered, count / 2) << "most have plenty of time";
    const auto& counted = server.model("many")->statistics;
    EXPECT_TRUE(eventually([&] { return counted.answers() == answered && counted.failures() == refused; }));
  }
  EXPECT_EQ(pulse.failures(), 0);
  const int64_t p99 = pulse.p99_us();
  testing::Test::RecordProperty("health_p99_us", std::to_string(p99));
  EXPECT_LT(p99, 1'000'000);
  EXPECT_TRUE(eventually([&] { return server.http().counters().connections_open.load() == 0; }));
  EXPECT_TRUE(eventually([&] { return server.http().memory_left() == memory; }));
}

// What waits for a client that is gone goes too, and the others keep their places.
TEST(Crowd, ThousandsThatVanishLeaveTheQueueToTheOthers) {
  const size_t count = connections(2000);
  TestingServer server(roomy(count), {.threads = 1});
  const int64_t memory = server.http().memory_left();
  const auto many = server.model("many"), slow = server.model("long");
  std::deque<TestingClient> stay, leave;
  {
    TestingClient holder(server.port());  // of the one thread, so that all the others wait
    ASSERT_TRUE(holder.send(infer_bytes("long", echo_json())));
    ASSERT_TRUE(eventually([&] { return slow->load().computing == 1; }));
    for (size_t i = 0; i < count; ++i) {
      auto& clients = i % 4 == 0 ? stay : leave;
      clients.emplace_back(server.port());
      if (i % 2 == 0) clients.back().reset_in_the_end();
      ASSERT_TRUE(clients.back().send(infer_bytes("many", echo_json(static_cast<float>(i)), "x-tercel-class: soft\r\n")));
    }
    ASSERT_TRUE(eventually([&] { return many->load().queued == count; }));
    const size_t leaving = leave.size();
    leave.clear();
    EXPECT_TRUE(eventually([&] { return many->load().queued == stay.size(); })) << many->load().queued;
    EXPECT_EQ(many->statistics.count(Outcome::kCancelled), leaving);
  }
  for (size_t i = 0; i < stay.size(); ++i) {
    const auto reply = stay[i].receive();
    ASSERT_EQ(reply.status, 200) << i << reply.body;
    ASSERT_THAT(reply.body, testing::HasSubstr("[" + std::to_string(4 * i) + ",2,3,4]"));
  }
  EXPECT_TRUE(eventually([&] { return many->statistics.answers() == stay.size(); }));
  stay.clear();
  EXPECT_EQ(slow->statistics.count(Outcome::kCancelled), 1u);
  EXPECT_TRUE(eventually([&] { return server.http().counters().connections_open.load() == 0; }));
  EXPECT_TRUE(eventually([&] { return server.http().memory_left() == memory; }));
}

// While a thousand ask as fast as they are answered, whoever comes is let in.
TEST(Crowd, NewConnectionsAreAcceptedBesideBusyOnes) {
  const size_t count = connections(1000);
  HttpOptions options = roomy(count + 1000);
  options.threads = 1;
  TestingServer server(options);
  std::atomic<bool> done{false};
  std::atomic<int> failures{0};
  const std::string request = infer_bytes("echo", echo_json());
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      std::deque<TestingClient> busy;
      for (size_t i = 0; i < count / 2; ++i) busy.emplace_back(server.port());
      while (!done) {  // a request of each is always under way
        for (auto& client : busy) failures += !client.send(request);
        for (auto& client : busy) failures += client.receive().status != 200;
      }
    });
  }
  const auto& counters = server.http().counters();
  EXPECT_TRUE(eventually([&] { return counters.connections_open.load() >= static_cast<int64_t>(count); }));
  const int64_t begun = platform::now_ns();
  std::deque<TestingClient> fresh;
  for (int i = 0; i < 200; ++i) {
    fresh.emplace_back(server.port());
    fresh.back().send("GET /v2/health/live HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  for (auto& client : fresh) EXPECT_EQ(client.receive().status, 200);
  const int64_t took = platform::now_ns() - begun;
  testing::Test::RecordProperty("ms_for_200_more", std::to_string(took / 1'000'000));
  EXPECT_LT(took, 10'000'000'000);
  done = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
}

}  // namespace
}  // namespace tercel::transport::http
