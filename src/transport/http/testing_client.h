#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tercel::transport::http {

// What a server answered.
struct TestingReply {
  int status = 0;  // 0: the connection ended instead
  std::string head, body;

  // The value of a header, or "".
  std::string header(std::string_view name) const {
    const auto at = head.find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos) return "";
    const auto from = at + name.size() + 4;
    return head.substr(from, head.find("\r\n", from) - from);
  }
};

// A blocking HTTP client over one connection that sends exactly the bytes it is given. For tests.
class TestingClient {
 public:
  enum class Window : uint8_t { kUsual, kSmall };  // kSmall: the sockets of both sides hold some 100 KB of what it does not read

  explicit TestingClient(uint16_t port, Window window = Window::kUsual) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (window == Window::kSmall) {
      const int receives = 4096, segment = 1000;
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receives, sizeof receives);
      ::setsockopt(socket_, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    const int one = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    check(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "connect to the server under test");
  }
  ~TestingClient() { ::close(socket_); }
  TestingClient(const TestingClient&) = delete;
  TestingClient& operator=(const TestingClient&) = delete;

  int socket() const { return socket_; }

  // The connection is reset when this object goes, instead of ended.
  void reset_in_the_end() {
    const linger none{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  }

  // False when the server has closed the connection.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }

  TestingReply receive() {
    TestingReply reply;
    size_t end;
    while ((end = pending_.find("\r\n\r\n")) == std::string::npos)
      if (!fill()) return reply;
    reply.head = pending_.substr(0, end + 2);
    pending_.erase(0, end + 4);
    reply.status = std::stoi(reply.head.substr(9, 3));
    if (reply.status == 100) return reply;
    const size_t length = std::stoul("0" + reply.header("Content-Length"));
    while (pending_.size() < length)
      if (!fill()) return reply;
    reply.body = pending_.substr(0, length);
    pending_.erase(0, length);
    return reply;
  }

  // True when the server closes the connection (within the receive time-out) without sending more.
  bool is_closed() { return pending_.empty() && !fill(); }

  TestingReply ask(std::string_view bytes) {
    send(bytes);
    return receive();
  }
  TestingReply get(const std::string& path) { return ask("GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n"); }
  TestingReply post(const std::string& path, const std::string& body, const std::string& headers = "") {
    return ask("POST " + path + " HTTP/1.1\r\nHost: test\r\n" + headers + "Content-Length: " + std::to_string(body.size()) +
               "\r\n\r\n" + body);
  }

 private:
  bool fill() {
    char bytes[16384];
    const ssize_t n = ::recv(socket_, bytes, sizeof bytes, 0);
    if (n <= 0) return false;
    pending_.append(bytes, static_cast<size_t>(n));
    return true;
  }

  int socket_;
  std::string pending_;
};

}  // namespace tercel::transport::http
