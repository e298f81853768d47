#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "platform/clock.h"

namespace tercel::observe::trace {

// A collector for tests: takes POSTs one by one, and gives each the next of its answers; the last one again and again.
class TestingCollector {
 public:
  static constexpr const char* kGood = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
  static constexpr const char* kSilence = "";  // takes the request and never answers

  explicit TestingCollector(std::vector<std::string> answers = {kGood}) : answers_(std::move(answers)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    check(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(listener_, 16) == 0 &&
              ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0,
          "the testing collector listens");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~TestingCollector() {
    stopping_.store(true);
    thread_.join();
    ::close(listener_);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // Head and body of each request so far.
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  // The bodies, once there are so many; fewer when they do not come within 20 s.
  std::vector<std::string> bodies(size_t count) const {
    const int64_t end_ns = platform::now_ns() + 20'000'000'000;
    while (requests().size() < count && platform::now_ns() < end_ns) ::usleep(1000);
    std::vector<std::string> bodies = requests();
    for (auto& request : bodies) request.erase(0, request.find("\r\n\r\n") + 4);
    return bodies;
  }

 private:
  bool wait(int fd) const {
    while (!stopping_.load()) {
      pollfd waiting{fd, POLLIN, 0};
      if (::poll(&waiting, 1, 5) > 0) return true;
    }
    return false;
  }

  void serve() {
    for (size_t next = 0; wait(listener_); ++next) {
      const int client = ::accept(listener_, nullptr, nullptr);
      if (client < 0) continue;
      take(client, answers_[std::min(next, answers_.size() - 1)]);
      ::close(client);
    }
  }

  void take(int client, const std::string& answer) {
    std::string request;
    size_t whole = std::string::npos;
    char buffer[4096];
    while (request.size() < whole && wait(client)) {
      const ssize_t n = ::recv(client, buffer, sizeof buffer, 0);
      if (n <= 0) return;
      request.append(buffer, static_cast<size_t>(n));
      const size_t end = request.find("\r\n\r\n"), length = request.find("Content-Length: ");
      if (end != std::string::npos && length < end) whole = end + 4 + std::stoul(request.substr(length + 16, 10));
    }
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    if (answer == kSilence) wait(client);  // until the client gives up
    else (void)::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
  }

  const std::vector<std::string> answers_;
  int listener_ = -1;
  uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace tercel::observe::trace
