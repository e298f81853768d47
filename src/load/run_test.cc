#include "load/run.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <thread>

#include "load/clock.h"

namespace tercel::load {
namespace {

constexpr std::string_view kMetadata = R"({"name":"m","inputs":[{"name":"x","datatype":"FP32","shape":[-1,4]}]})";
constexpr std::string_view kAnswer = R"({"outputs":[{"name":"y","data":[1]}]})";

// Answers every request on a thread for each connection, after `think`; while `gate` is locked it answers none.
class SmallServer {
 public:
  explicit SmallServer(std::chrono::milliseconds think = {}) : think_(think) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 512), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~SmallServer() {
    vanish();
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
    for (const int connection : connections_) close(connection);
    close(listener_);
  }

  void vanish() {
    shutdown(listener_, SHUT_RDWR);
    const std::lock_guard lock(mutex_);
    for (const int connection : connections_) shutdown(connection, SHUT_RDWR);
  }
  const std::string& url() const { return url_; }
  std::mutex gate;

 private:
  void accept_all() {
    for (int connection; (connection = accept(listener_, nullptr, nullptr)) >= 0;) {
      const std::lock_guard lock(mutex_);
      connections_.push_back(connection);
      threads_.emplace_back([this, connection] { serve(connection); });
    }
  }
  void serve(int connection) {
    std::string received;
    char buffer[4096];
    for (ssize_t n; (n = recv(connection, buffer, sizeof buffer, 0)) > 0;) {
      received.append(buffer, static_cast<size_t>(n));
      const size_t head = received.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      const bool is_post = received.starts_with("POST");
      const size_t body = is_post ? std::stoul(received.substr(received.rfind("Content-Length: ", head) + 16)) : 0;
      if (received.size() < head + 4 + body) continue;
      received.erase(0, head + 4 + body);
      if (is_post) std::this_thread::sleep_for(think_);
      { const std::lock_guard wait(gate); }
      const std::string_view text = is_post ? kAnswer : kMetadata;
      const std::string reply =
          "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n" + std::string(text);
      if (send(connection, reply.data(), reply.size(), MSG_NOSIGNAL) < 0) return;
    }
  }

  const std::chrono::milliseconds think_;
  const int listener_ = socket(AF_INET, SOCK_STREAM, 0);
  std::string url_;
  std::mutex mutex_;
  std::vector<int> connections_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

LoadOptions options_for(const SmallServer& server, double rate) {
  LoadOptions options;
  options.address = parse_url(server.url()).take();
  ClientOptions client;
  client.model = "m";
  client.closed = rate == 0;
  client.arrivals.process = Process::kConstant;
  client.arrivals.rate = rate;
  options.clients.push_back(client);
  options.duration_ns = 1'000'000'000;
  options.warmup_ns = 100'000'000;
  return options;
}

Report measure(const LoadOptions& options, RunControl& control) {
  const Endpoint endpoint = reach(options.address).take();
  const auto clients = prepare(options, endpoint).take();
  return run(options, endpoint, clients, control).take();
}

TEST(Run, EveryRequestEndsOnce) {
  SmallServer server;
  RunControl control;
  const Report report = measure(options_for(server, 200), control);
  ASSERT_EQ(report.clients.size(), 1u);
  EXPECT_EQ(report.clients[0].requests, 200u);
  EXPECT_EQ(report.clients[0].count(Outcome::kInTime), 200u);
  EXPECT_EQ(report.clients[0].behind.count(), 200u);
  EXPECT_FALSE(report.interrupted);
}

TEST(Run, ALongStallIsChargedToAllWhoWereMeantToStartInIt) {
  SmallServer server;
  LoadOptions options = options_for(server, 200);
  options.clients[0].connections = 4;  // far fewer than the requests that the stall holds up
  RunControl control;
  std::thread stall([&] {
    while (control.elapsed_ns.load() < 400'000'000) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const std::lock_guard lock(server.gate);
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
  });
  const Report report = measure(options, control);
  stall.join();
  const ClientReport& client = report.clients[0];
  EXPECT_EQ(client.requests, 200u);
  // 80 requests fall into the stall, their latencies spread evenly from 0 to 400 ms.
  EXPECT_GT(client.delayed, 50u);
  EXPECT_GE(client.answered.max(), 380'000'000);
  EXPECT_NEAR(static_cast<double>(client.requests - client.answered.count_at_most(100'000'000)), 60, 25);
  EXPECT_NEAR(static_cast<double>(client.requests - client.answered.count_at_most(300'000'000)), 20, 15);
}

TEST(Run, AClosedLoopKeepsItsConnectionsBusy) {
  SmallServer server(std::chrono::milliseconds(20));
  LoadOptions options = options_for(server, 0);
  options.clients[0].connections = 4;
  RunControl control;
  const ClientReport client = measure(options, control).clients[0];
  EXPECT_LE(client.requests, 204u);  // 50 each, and what was under way when the measuring began
  EXPECT_GE(client.requests, 60u);
  EXPECT_EQ(client.connections_opened, 4u);
  EXPECT_EQ(client.delayed, 0u);
  EXPECT_GE(client.answered.at_rank(1), 20'000'000);
}

TEST(Run, AClosedLoopThatHangsSinceTheWarmUpIsTold) {
  SmallServer server;
  LoadOptions options = options_for(server, 0);
  options.clients[0].connections = 3;
  options.duration_ns = 300'000'000;
  options.timeout_ns = 500'000'000;
  const Endpoint endpoint = reach(options.address).take();
  const auto clients = prepare(options, endpoint).take();
  RunControl control;
  server.gate.lock();  // before the warm-up begins
  const Report report = run(options, endpoint, clients, control).take();
  server.gate.unlock();
  EXPECT_EQ(report.clients[0].count(Outcome::kTimedOut), 3u);
}

TEST(Run, WhatIsNotAnsweredIsGivenUp) {
  SmallServer server;
  LoadOptions options = options_for(server, 50);
  options.clients[0].connections = 2;
  options.timeout_ns = 100'000'000;
  options.duration_ns = 500'000'000;
  options.warmup_ns = 0;
  const Endpoint endpoint = reach(options.address).take();
  const auto clients = prepare(options, endpoint).take();
  RunControl control;
  server.gate.lock();
  const int64_t begun = now_ns();
  const Report report = run(options, endpoint, clients, control).take();
  const double took = static_cast<double>(now_ns() - begun) * 1e-9;
  server.gate.unlock();
  EXPECT_EQ(report.clients[0].requests, 25u);
  EXPECT_EQ(report.clients[0].count(Outcome::kTimedOut), 25u);
  EXPECT_LT(took, 5);
}

TEST(Run, AServerThatVanishesFailsRequestsAndNothingElse) {
  for (const double rate : {200.0, 0.0}) {
    SmallServer server;
    LoadOptions options = options_for(server, rate);
    options.clients[0].connections = 8;
    RunControl control;
    std::thread end([&] {
      while (control.elapsed_ns.load() < 500'000'000) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      server.vanish();
    });
    const ClientReport client = measure(options, control).clients[0];
    end.join();
    EXPECT_GT(client.count(Outcome::kInTime), 20u);
    EXPECT_GT(client.count(Outcome::kConnectionError), 20u);
    EXPECT_EQ(client.count(Outcome::kInTime) + client.count(Outcome::kConnectionError), client.requests);
    EXPECT_NE(client.examples[static_cast<size_t>(Outcome::kConnectionError)], "");
  }
}

TEST(Run, CanBeEndedEarly) {
  SmallServer server;
  LoadOptions options = options_for(server, 100);
  options.duration_ns = 60'000'000'000;
  RunControl control;
  std::thread end([&] {
    while (control.elapsed_ns.load() < 400'000'000) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    control.stop.store(true);
  });
  const Report report = measure(options, control);
  end.join();
  EXPECT_TRUE(report.interrupted);
  EXPECT_LT(report.duration_ns, 30'000'000'000);
  EXPECT_GT(report.clients[0].requests, 10u);
}

}  // namespace
}  // namespace tercel::load
