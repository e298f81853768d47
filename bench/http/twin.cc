// The least an HTTP server can do: epoll, one buffer a connection, one fixed answer. Usage: http_twin REPLY_FILE
// Prints its port on stdout, and serves until it is killed.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace {

using tercel::check;

constexpr size_t kBufferBytes = size_t{16} << 20;

struct Client {
  int socket;
  std::unique_ptr<char[]> buffer{new char[kBufferBytes]};
  size_t filled = 0, wanted = 0;  // wanted: the size of the whole request, 0 until its head is here
};

size_t request_bytes(const char* data, size_t size) {
  const void* end = memmem(data, size, "\r\n\r\n", 4);
  if (!end) return 0;
  const size_t head = static_cast<size_t>(static_cast<const char*>(end) - data) + 4;
  const char* length = static_cast<const char*>(memmem(data, head, "\r\nContent-Length: ", 18));
  return head + (length ? std::strtoull(length + 18, nullptr, 10) : 0);
}

// False when the client has gone.
bool serve(Client& client, const std::string& reply) {
  const ssize_t n = read(client.socket, client.buffer.get() + client.filled, kBufferBytes - client.filled);
  if (n <= 0) return n < 0 && errno == EAGAIN;
  client.filled += static_cast<size_t>(n);
  if (client.wanted == 0) client.wanted = request_bytes(client.buffer.get(), client.filled);
  if (client.wanted == 0 || client.filled < client.wanted) return client.filled < kBufferBytes;
  client.filled = client.wanted = 0;
  return write(client.socket, reply.data(), reply.size()) == static_cast<ssize_t>(reply.size());
}

int listen_on_free_port() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  check(bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0 && listen(listener, 1024) == 0, "listen");
  check(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0, "the port");
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return listener;
}

}  // namespace

int main(int argc, char** argv) {
  check(argc == 2, "usage: http_twin REPLY_FILE");
  std::ifstream file(argv[1], std::ios::binary);
  const std::string reply(std::istreambuf_iterator<char>(file), {});
  check(!reply.empty(), "the reply file holds the answer");
  const int listener = listen_on_free_port(), poll = epoll_create1(0);
  epoll_event event{EPOLLIN, {.ptr = nullptr}};
  check(epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event) == 0, "epoll");
  for (;;) {
    epoll_event events[64];
    const int count = epoll_wait(poll, events, 64, -1);
    for (int i = 0; i < count; ++i) {
      if (auto* client = static_cast<Client*>(events[i].data.ptr)) {
        if (serve(*client, reply)) continue;
        close(client->socket);
        delete client;
        continue;
      }
      const int accepted = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
      if (accepted < 0) continue;
      const int one = 1;
      setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      event = {EPOLLIN, {.ptr = new Client{accepted}}};
      check(epoll_ctl(poll, EPOLL_CTL_ADD, accepted, &event) == 0, "epoll");
    }
  }
}
