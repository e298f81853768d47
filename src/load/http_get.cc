#include "load/http_get.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "load/clock.h"
#include "load/quantity.h"

namespace tercel::load {
namespace {

struct Socket {
  int fd;
  ~Socket() { close(fd); }
};

Error failed(const Address& address, const std::string& what) {
  return io_error(address.url + ": " + what + "; check that an Open Inference Protocol server listens there");
}

}  // namespace

Result<Response> http_get(const Address& address, const Endpoint& endpoint, const std::string& path, const std::string& headers,
                          const CallLimits& limits) {
  return http_call(address, endpoint, {"GET", path, headers, ""}, limits);
}

Result<Response> http_call(const Address& address, const Endpoint& endpoint, const Call& call, const CallLimits& limits) {
  const Socket socket{::socket(endpoint.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (socket.fd < 0) return failed(address, std::strerror(errno));
  const timeval patience{limits.patience_ns / 1'000'000'000, limits.patience_ns % 1'000'000'000 / 1000};
  setsockopt(socket.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  setsockopt(socket.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(socket.fd, endpoint.get(), endpoint.size) != 0) return failed(address, std::strerror(errno));
  std::string request = call.method + " " + address.base_path + call.path + " HTTP/1.1\r\nHost: " + address.authority + "\r\n";
  request += call.headers + "Connection: close\r\n";
  if (call.method == "POST") request += "Content-Length: " + std::to_string(call.body.size()) + "\r\n";
  request += "\r\n" + call.body;
  if (send(socket.fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
    return failed(address, std::strerror(errno));
  ResponseParser parser(limits.body_bytes);
  char buffer[16384];
  for (const int64_t end = now_ns() + limits.patience_ns; !parser.is_done();) {
    const ssize_t n = recv(socket.fd, buffer, sizeof buffer, 0);
    if (now_ns() > end || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)))
      return failed(address, "no answer to " + call.method + " " + call.path + " within " + duration_text(limits.patience_ns));
    if (n < 0 && errno == EINTR) continue;  // a signal that the program handles
    if (n < 0) return failed(address, std::strerror(errno));
    const auto result = n == 0 ? parser.end() : [&]() -> Result<void> {
      TRY(parser.feed({buffer, static_cast<size_t>(n)}));
      return {};
    }();
    if (!result.ok()) return failed(address, result.error().message());
  }
  return parser.response();
}

}  // namespace tercel::load
