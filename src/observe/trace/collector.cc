#include "observe/trace/collector.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "base/header_text.h"
#include "base/version.h"
#include "platform/clock.h"

namespace tercel::observe::trace {
namespace {

constexpr int64_t kStopPollMs = 50;  // how late a stop may be noticed
constexpr int64_t kRetryAfterSecondsMax = 3600;

struct Socket {
  int fd;
  ~Socket() { close(fd); }
};

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  return failure == std::errc() && end == text.data() + text.size() && port > 0 && port < 65536;
}

// How long this exchange may take.
struct Patience {
  int64_t end_ns;
  const std::atomic<int64_t>& stop_ns;

  // Waits until the socket is ready for `events`; false when time is up.
  bool wait(int fd, short events) const {
    for (;;) {
      const int64_t left_ms = (std::min(end_ns, stop_ns.load()) - platform::now_ns()) / 1'000'000;
      if (left_ms <= 0) return false;
      pollfd waiting{fd, events, 0};
      const int ready = poll(&waiting, 1, static_cast<int>(std::min(left_ms, kStopPollMs)));
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return true;  // the call that follows says what is wrong
    }
  }
};

Error failed(std::string_view what) { return io_error(std::string(what)); }

// 0, or the error.
int connect_in_time(int fd, const addrinfo& address, const Patience& patience) {
  if (connect(fd, address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (!patience.wait(fd, POLLOUT)) return ETIMEDOUT;
  int failure = 0;
  socklen_t size = sizeof failure;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size);
  return failure;
}

Result<int> open_connection(const Collector& collector, const Patience& patience) {
  addrinfo hints{}, *list = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  const int unresolved = getaddrinfo(collector.host.c_str(), collector.port.c_str(), &hints, &list);
  if (unresolved != 0) return failed("the host '" + collector.host + "' is not known: " + gai_strerror(unresolved));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  int failure = ETIMEDOUT;
  for (const addrinfo* address = list; address; address = address->ai_next) {
    const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return failed(std::strerror(errno));
    failure = connect_in_time(fd, *address, patience);
    if (failure == 0) return fd;
    close(fd);
  }
  return failed(std::string("cannot connect: ") + std::strerror(failure));
}

// A collector that refuses early may have closed its end: then its answer is what counts.
Result<void> send_all(int fd, std::string_view bytes, const Patience& patience) {
  while (!bytes.empty()) {
    const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!patience.wait(fd, POLLOUT)) return failed("it did not take the spans in time");
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return {};
    } else if (errno != EINTR) {
      return failed(std::string("sending broke: ") + std::strerror(errno));
    }
  }
  return {};
}

Result<CollectorAnswer> receive(int fd, const Patience& patience) {
  std::string received;
  char buffer[4096];
  for (;;) {
    if (!patience.wait(fd, POLLIN)) return failed("no answer in time");
    const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) continue;
    if (n < 0) return failed(std::string("the connection broke: ") + std::strerror(errno));
    if (n == 0) return failed("it closed the connection without an answer");
    received.append(buffer, static_cast<size_t>(n));
    if (const auto answer = TRY(parse_collector_answer(received))) return *answer;
    if (received.size() > kCollectorAnswerBytesMax) return failed("the head of its answer is too large");
  }
}

}  // namespace

Result<Collector> parse_collector(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  const std::string text = "'" + std::string(url) + "'";
  if (url.starts_with("https://"))
    return unsupported(text +
                       ": spans go out over plain http alone; give an http:// address, such as that of a collector on this "
                       "machine (http://127.0.0.1:4318), which can forward them over TLS");
  Collector collector;
  collector.url = url;
  const bool is_plain = std::all_of(url.begin(), url.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  const bool is_http = url.starts_with(kScheme);
  std::string_view rest = is_http ? url.substr(kScheme.size()) : url;
  const size_t slash = std::min(rest.find('/'), rest.size());
  collector.path = rest.substr(slash);
  if (collector.path.empty()) collector.path = "/";
  collector.authority = rest.substr(0, slash);
  const size_t colon = collector.authority.rfind(':');
  const bool has_port = colon != std::string::npos && collector.authority.find(']', colon) == std::string::npos;
  collector.host = collector.authority.substr(0, has_port ? colon : std::string::npos);
  collector.port = has_port ? collector.authority.substr(colon + 1) : "80";
  if (collector.host.size() > 2 && collector.host.front() == '[' && collector.host.back() == ']')
    collector.host = collector.host.substr(1, collector.host.size() - 2);
  if (!is_http || !is_plain || collector.host.empty() || !is_port(collector.port) || rest.find_first_of("@#") != rest.npos ||
      collector.authority.find('?') != std::string::npos)
    return invalid(text + " is not a URL such as http://127.0.0.1:4318");
  return collector;
}

Result<std::optional<CollectorAnswer>> parse_collector_answer(std::string_view received) {
  for (;;) {
    const size_t end = received.find("\r\n\r\n");
    if (end == received.npos) return std::optional<CollectorAnswer>();
    std::string_view head = received.substr(0, end + 2);
    CollectorAnswer answer;
    const auto digits = head.substr(0, 12).substr(std::min<size_t>(9, head.size()));
    const auto [stop, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), answer.status);
    if (!head.starts_with("HTTP/1.") || failure != std::errc() || stop != digits.data() + 3 || answer.status < 100)
      return invalid("what answers there is no HTTP server");
    received.remove_prefix(end + 4);
    if (answer.status < 200) continue;
    for (head.remove_prefix(head.find("\r\n") + 2); !head.empty(); head.remove_prefix(head.find("\r\n") + 2)) {
      const auto line = head.substr(0, head.find("\r\n"));
      const size_t colon = std::min(line.find(':'), line.size());
      if (!equals_ignoring_case(line.substr(0, colon), "retry-after")) continue;
      const auto value = trimmed(line.substr(std::min(colon + 1, line.size())));
      int64_t seconds = 0;
      const auto [last, wrong] = std::from_chars(value.data(), value.data() + value.size(), seconds);
      if (wrong == std::errc() && last == value.data() + value.size() && seconds >= 0)
        answer.retry_after_ns = std::min(seconds, kRetryAfterSecondsMax) * 1'000'000'000;
    }
    return std::optional<CollectorAnswer>(answer);
  }
}

Result<CollectorAnswer> post(const Collector& collector, std::string_view body, int64_t end_ns,
                             const std::atomic<int64_t>& stop_ns) {
  const Patience patience{end_ns, stop_ns};
  const Socket socket{TRY(open_connection(collector, patience))};
  const std::string head =
      "POST " + collector.path + " HTTP/1.1\r\nHost: " + collector.authority + "\r\nUser-Agent: tercel/" + std::string(kVersion) +
      "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n";
  TRY(send_all(socket.fd, head, patience));
  TRY(send_all(socket.fd, body, patience));
  return receive(socket.fd, patience);
}

}  // namespace tercel::observe::trace
