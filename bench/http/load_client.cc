#include "load_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/result.h"

namespace tercel::bench {

LoadClient::LoadClient(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)), answer_(64 << 10, '\0') {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int one = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  check(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "connect to the server");
}

LoadClient::LoadClient(LoadClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), answer_(std::move(other.answer_)) {}

LoadClient::~LoadClient() {
  if (socket_ >= 0) close(socket_);
}

bool LoadClient::exchange(std::string_view request) {
  while (!request.empty()) {
    const ssize_t n = send(socket_, request.data(), request.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    request.remove_prefix(static_cast<size_t>(n));
  }
  return receive();
}

bool LoadClient::receive() {
  size_t filled = 0;
  body_at_ = 0;
  do {
    if (filled == answer_.size()) answer_.resize(2 * filled);
    const ssize_t n = recv(socket_, answer_.data() + filled, answer_.size() - filled, 0);
    if (n <= 0) return false;
    filled += static_cast<size_t>(n);
    if (body_at_ > 0) continue;
    const void* end = memmem(answer_.data(), filled, "\r\n\r\n", 4);
    if (!end) continue;
    body_at_ = static_cast<size_t>(static_cast<const char*>(end) - answer_.data()) + 4;
    status_ = std::atoi(answer_.data() + 9);
    const char* length = static_cast<const char*>(memmem(answer_.data(), body_at_, "\r\nContent-Length: ", 18));
    body_bytes_ = length ? std::strtoull(length + 18, nullptr, 10) : 0;
  } while (body_at_ == 0 || filled < body_at_ + body_bytes_);
  return true;
}

}  // namespace tercel::bench
