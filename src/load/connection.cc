#include "load/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "load/clock.h"

namespace tercel::load {
namespace {

constexpr uint32_t kEnd = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr std::string_view kDeadline = "x-tercel-deadline-us: ", kHeadEnd = "\r\n\r\n";

std::string error_text(int code) { return std::strerror(code); }

}  // namespace

Connection::Progress Connection::begin(const Endpoint& endpoint, int epoll, uint64_t tag, const Outgoing& request) {
  check(!is_busy(), "one request at a time on a connection");
  request_ = request;
  sent_ = received_ = 0;
  parser_.reset();
  if (state_ == State::kClosed) return open(endpoint, epoll, tag);
  state_ = State::kSending;
  return send_more();
}

Connection::Progress Connection::open(const Endpoint& endpoint, int epoll, uint64_t tag) {
  socket_ = socket(endpoint.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return fail(Progress::kRefused, "cannot open a socket: " + error_text(errno));
  ++opened_;
  const int one = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const bool connected = connect(socket_, endpoint.get(), endpoint.size) == 0;
  if (!connected && errno != EINPROGRESS) return fail(Progress::kRefused, "cannot connect: " + error_text(errno));
  // Edge-triggered: an answer costs one recv, and waiting for room to send needs no further call.
  epoll_event event{EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.u64 = tag}};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, socket_, &event) != 0) return fail(Progress::kRefused, "epoll: " + error_text(errno));
  state_ = connected ? State::kSending : State::kConnecting;
  return connected ? send_more() : Progress::kPending;
}

Connection::Progress Connection::finish_connecting() {
  int code = 0;
  socklen_t size = sizeof code;
  getsockopt(socket_, SOL_SOCKET, SO_ERROR, &code, &size);
  if (code != 0) return fail(Progress::kRefused, "cannot connect: " + error_text(code));
  state_ = State::kSending;
  return send_more();
}

void Connection::write_tail() {
  char* at = std::copy(kHeadEnd.begin(), kHeadEnd.begin() + 2, tail_);
  if (request_.deadline_at_ns != 0) {
    // A deadline that has passed already goes out as the least there is: what is offered does not depend on the server.
    const int64_t left_us = std::max<int64_t>((request_.deadline_at_ns - now_ns()) / 1000, 1);
    at = std::copy(kDeadline.begin(), kDeadline.end(), at);
    at = std::to_chars(at, tail_ + sizeof tail_, left_us).ptr;
    at = std::copy(kHeadEnd.begin(), kHeadEnd.begin() + 2, at);
  }
  at = std::copy(kHeadEnd.begin() + 2, kHeadEnd.end(), at);
  tail_bytes_ = static_cast<size_t>(at - tail_);
}

Connection::Progress Connection::send_more() {
  if (sent_ == 0) write_tail();
  const std::array<std::string_view, 3> parts = {request_.head, std::string_view(tail_, tail_bytes_), request_.body};
  const size_t whole = parts[0].size() + parts[1].size() + parts[2].size();
  while (sent_ < whole) {
    std::array<iovec, 3> pieces;
    size_t skip = sent_, count = 0;
    for (const std::string_view part : parts) {
      const size_t skipped = std::min(skip, part.size());
      skip -= skipped;
      if (skipped < part.size()) pieces[count++] = {const_cast<char*>(part.data()) + skipped, part.size() - skipped};
    }
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    const ssize_t n = sendmsg(socket_, &message, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Progress::kPending;
    // A server that refuses early closes its end: its answer may lie here to be read, so the event that follows decides.
    if (n < 0 && (errno == EPIPE || errno == ECONNRESET) && sent_ > 0) break;
    if (n < 0) return fail(Progress::kRefused, "the connection broke while sending: " + error_text(errno));
    sent_ += static_cast<size_t>(n);
  }
  state_ = State::kReceiving;
  return Progress::kPending;
}

Connection::Progress Connection::on_event(uint32_t events, std::span<char> buffer) {
  Progress progress = Progress::kPending;
  if (state_ == State::kConnecting) progress = finish_connecting();
  else if (state_ == State::kSending && (events & EPOLLOUT)) progress = send_more();
  if (progress != Progress::kPending || state_ == State::kClosed) return progress;
  if (events & (EPOLLIN | kEnd)) return receive((events & kEnd) != 0, buffer);
  return progress;
}

Connection::Progress Connection::receive(bool to_the_end, std::span<char> buffer) {
  for (;;) {
    const ssize_t n = recv(socket_, buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Progress::kPending;
    if (!is_busy()) {  // nothing was asked: the server closed an idle connection, or talks out of turn
      close();
      return Progress::kPending;
    }
    if (n < 0) return fail(Progress::kRefused, "the connection broke: " + error_text(errno));
    if (n == 0) {
      const auto ended = parser_.end();
      return ended.ok() ? finish(false) : fail(Progress::kRefused, ended.error().message());
    }
    const Progress progress = take({buffer.data(), static_cast<size_t>(n)});
    if (progress != Progress::kPending) return progress;
    // What comes after a short read is an edge of its own; an end that was part of this edge is not.
    if (static_cast<size_t>(n) < buffer.size() && !to_the_end) return Progress::kPending;
  }
}

Connection::Progress Connection::take(std::string_view bytes) {
  const auto used = parser_.feed(bytes);
  if (!used.ok()) return fail(Progress::kGarbage, used.error().message());
  received_ += *used;
  if (!parser_.is_done()) return Progress::kPending;
  // Bytes behind the answer, or a request that has not left yet: the connection cannot be used again.
  const size_t whole = request_.head.size() + tail_bytes_ + request_.body.size();
  return finish(*used == bytes.size() && sent_ == whole && response().keep_alive);
}

Connection::Progress Connection::finish(bool reusable) {
  if (reusable) state_ = State::kIdle;
  else close();
  return Progress::kAnswered;
}

Connection::Progress Connection::fail(Progress how, std::string why) {
  failure_ = std::move(why);
  close();
  return how;
}

void Connection::close() {
  if (socket_ >= 0) ::close(socket_);  // which takes it out of the epoll
  socket_ = -1;
  state_ = State::kClosed;
}

}  // namespace tercel::load
