#include "transport/http/connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>

namespace tercel::transport::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

inline constexpr size_t kPartsPerCall = 16;
inline constexpr size_t kSinkBytes = 64 << 10;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// Where unwanted bytes go. Connections of one thread may share it: nobody reads it.
std::byte* sink() {
  thread_local std::byte bytes[kSinkBytes];
  return bytes;
}

// What Asio calls when an operation is done: keeps the connection alive and allocates from it.
struct Resume {
  using allocator_type = HandlerAllocator<std::byte>;
  std::shared_ptr<Connection> connection;
  HandlerMemory* memory;
  void (Connection::*on_event)(const error_code&, size_t);

  allocator_type get_allocator() const { return allocator_type(*memory); }
  void operator()(const error_code& failure = {}, size_t bytes = 0) { (connection.get()->*on_event)(failure, bytes); }
};

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, Shared& shared)
    : socket_(std::move(socket)),
      shared_(shared),
      exchange_(shared, &Connection::on_computed, this),
      window_(shared.limits.head_bytes) {}

Connection::~Connection() { close(); }

void Connection::start() {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  set_deadline(shared_.limits.idle);
  advance();
}

void Connection::advance() {
  Step step = Step::kGo;
  while (step == Step::kGo) {
    switch (phase_) {
      case Phase::kHead: step = read_head(); break;
      case Phase::kBody: step = read_body(); break;
      case Phase::kDiscard: step = discard_body(); break;
      case Phase::kSending: step = send(); break;
      case Phase::kLingering: step = linger(); break;
      case Phase::kComputing:
      case Phase::kClosed: return;
    }
  }
}

void Connection::on_event(const error_code& failure, size_t bytes) {
  if (phase_ == Phase::kClosed) return;
  if (failure) return close();
  turn_bytes_ = bytes;
  is_drained_ = bytes < asked_bytes_;
  shared_.counters.bytes_received.add(bytes);
  if (phase_ == Phase::kHead) end_ += bytes;
  if (phase_ == Phase::kBody) body_filled_ += bytes;
  if (phase_ == Phase::kDiscard) take_discarded(bytes);
  if (phase_ == Phase::kComputing) {
    exchange_.finish();
    phase_ = Phase::kSending;
  }
  advance();
}

Connection::Step Connection::read_head() {
  if (buffered() == 0) begin_ = end_ = scanned_ = 0;
  // An empty line before a request is a habit of old clients.
  while (is_idle_ && buffered() >= 2 && std::memcmp(window_.data() + begin_, "\r\n", 2) == 0) begin_ += 2;
  if (is_idle_ && buffered() > 0) {
    is_idle_ = false;
    has_buffers_ = true;
    exchange_.start(platform::now_ns());
    set_deadline(shared_.limits.head);
  }
  const std::string_view text(reinterpret_cast<const char*>(window_.data()) + begin_, buffered());
  if (const auto end = find_head_end(text, scanned_)) return take_head(*end);
  if (begin_ > 0) {
    std::memmove(window_.data(), window_.data() + begin_, buffered());
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == window_.size())
    return refuse({431, "the head of the request is larger than " + std::to_string(window_.size()) + " bytes"});
  size_t received = 0;
  const Step step = receive(window_.data() + end_, window_.size() - end_, received);
  end_ += received;
  return step;
}

Connection::Step Connection::take_head(size_t head_bytes) {
  exchange_.clock().mark(request::Stage::kReceive);
  Head head;
  const std::string_view text(reinterpret_cast<const char*>(window_.data()) + begin_, head_bytes);
  if (const auto refusal = parse_head(text, shared_.limits, head)) return refuse(*refusal);
  if (head.content_length > shared_.limits.body_bytes) {
    return refuse({413, "the body of " + std::to_string(head.content_length) + " bytes is larger than the limit of " +
                            std::to_string(shared_.limits.body_bytes) + " bytes"});
  }
  const auto wanted = exchange_.begin(head);
  exchange_.clock().mark(request::Stage::kParse);
  const auto early = std::min<size_t>(buffered() - head_bytes, head.content_length);
  used_bytes_ = head_bytes + early;
  body_filled_ = early;
  body_left_ = head.content_length - early;
  set_deadline(shared_.limits.body);
  if (wanted == Exchange::BodyWanted::kDiscard) {
    phase_ = exchange_.reply().close ? Phase::kSending : Phase::kDiscard;  // what is not read is left to linger()
    return Step::kGo;
  }
  if (early > 0) std::memcpy(exchange_.body().data(), window_.data() + begin_ + head_bytes, early);
  if (head.expects_continue && early < head.content_length) {
    // A client that can't take 25 bytes now would not get to read a reply either; it just goes on without.
    (void)::send(socket_.native_handle(), kContinue.data(), kContinue.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  phase_ = Phase::kBody;
  return Step::kGo;
}

Connection::Step Connection::read_body() {
  const auto body = exchange_.body();
  if (body_filled_ == body.size()) return respond();
  const size_t room = exchange_.body_room(body_filled_);
  if (room == body_filled_) {
    body_left_ = 1;  // linger() reads the rest
    phase_ = Phase::kSending;
    return Step::kGo;
  }
  size_t received = 0;
  const Step step = receive(body.data() + body_filled_, room - body_filled_, received);
  body_filled_ += received;
  return step;
}

Connection::Step Connection::discard_body() {
  if (body_left_ == 0) {
    exchange_.clock().mark(request::Stage::kReceive);
    phase_ = Phase::kSending;
    return Step::kGo;
  }
  size_t received = 0;
  const Step step = receive(sink(), std::min<size_t>(body_left_, kSinkBytes), received);
  take_discarded(received);
  return step;
}

void Connection::take_discarded(size_t bytes) {
  body_left_ -= bytes;
  body_filled_ += bytes;
}

Connection::Step Connection::respond() {
  exchange_.clock().mark(request::Stage::kReceive);
  body_left_ = 0;
  phase_ = Phase::kComputing;
  computing_ = shared_from_this();  // before another thread may take it in on_computed()
  if (exchange_.respond() == Exchange::Progress::kPending) return Step::kWait;
  computing_.reset();
  phase_ = Phase::kSending;
  return Step::kGo;
}

// On a thread of the executor: hands the connection back to its own.
void Connection::on_computed(void* owner) {
  auto* const connection = static_cast<Connection*>(owner);
  Resume resume{std::move(connection->computing_), &connection->handler_memory_, &Connection::on_event};
  // By the context itself: a type-erased executor allocates on the thread that posts.
  auto& context = static_cast<asio::io_context&>(connection->socket_.get_executor().context());
  asio::post(context, std::move(resume));
}

Connection::Step Connection::refuse(const Refusal& refusal) {
  exchange_.refuse(refusal);
  body_left_ = 1;  // something of it may still be on its way: linger() has to wait for it
  phase_ = Phase::kSending;
  return Step::kGo;
}

Connection::Step Connection::send() {
  const Reply& reply = exchange_.reply();
  if (sent_ == 0) set_deadline(shared_.limits.send);
  iovec pieces[kPartsPerCall];
  size_t count = 0, skip = sent_;
  const auto add = [&](const void* data, size_t bytes) {
    if (skip >= bytes) {
      skip -= bytes;
      return;
    }
    if (count == kPartsPerCall) return;
    pieces[count++] = {const_cast<char*>(static_cast<const char*>(data)) + skip, bytes - skip};
    skip = 0;
  };
  add(reply.head.data(), reply.head.size());
  for (const auto& part : reply.parts) add(part.data(), part.size());
  if (count == 0) return finish_reply();
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = count;
  const ssize_t n = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n > 0) {
    sent_ += static_cast<size_t>(n);
    return sent_ == reply.bytes() ? finish_reply() : Step::kGo;
  }
  if (errno == EINTR) return Step::kGo;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return wait_writable(), Step::kWait;
  return close(), Step::kWait;
}

Connection::Step Connection::finish_reply() {
  const bool must_close = exchange_.reply().close;
  exchange_.sent();
  sent_ = 0;
  if (must_close) {
    if (body_left_ == 0) return close(), Step::kWait;
    error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    set_deadline(kLinger);
    phase_ = Phase::kLingering;
    return Step::kGo;
  }
  begin_ += used_bytes_;
  used_bytes_ = 0;
  scanned_ = 0;
  is_idle_ = true;
  phase_ = Phase::kHead;
  set_deadline(shared_.limits.idle);
  if (buffered() > 0 && ++turns_ >= kPipelinedTurns) return yield(), Step::kWait;
  return Step::kGo;
}

// Closing with unread bytes makes the kernel send a reset, which can overtake the reply on its way to the client.
Connection::Step Connection::linger() {
  size_t received = 0;
  return receive(sink(), kSinkBytes, received);
}

Connection::Step Connection::receive(std::byte* target, size_t bytes, size_t& received) {
  // Between requests, and after a read that got less than it could hold, Asio's own attempt is enough.
  if (is_idle_ || is_drained_ || turn_bytes_ >= kReadTurnBytes) return wait_readable(target, bytes), Step::kWait;
  const ssize_t n = ::recv(socket_.native_handle(), target, bytes, MSG_DONTWAIT);
  if (n > 0) {
    received = static_cast<size_t>(n);
    turn_bytes_ += received;
    is_drained_ = received < bytes;
    shared_.counters.bytes_received.add(received);
    return Step::kGo;
  }
  if (n < 0 && errno == EINTR) return Step::kGo;
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return wait_readable(target, bytes), Step::kWait;
  return close(), Step::kWait;
}

void Connection::wait_readable(std::byte* target, size_t bytes) {
  turns_ = 0;
  asked_bytes_ = bytes;
  if (phase_ == Phase::kBody || phase_ == Phase::kDiscard) extend_deadline(shared_.limits.body, body_filled_);
  socket_.async_read_some(asio::buffer(target, bytes), Resume{shared_from_this(), &handler_memory_, &Connection::on_event});
}

void Connection::wait_writable() {
  extend_deadline(shared_.limits.send, sent_);
  socket_.async_wait(asio::ip::tcp::socket::wait_write, Resume{shared_from_this(), &handler_memory_, &Connection::on_event});
}

void Connection::yield() {
  turns_ = 0;
  asio::post(socket_.get_executor(), Resume{shared_from_this(), &handler_memory_, &Connection::on_event});
}

void Connection::set_deadline(std::chrono::milliseconds allowed) {
  begun_ns_ = platform::now_ns();
  deadline_ns_ = begun_ns_ + std::chrono::duration_cast<std::chrono::nanoseconds>(allowed).count();
}

// What has moved buys time, what was announced does not; and nothing buys more than `allowed` without any progress.
void Connection::extend_deadline(std::chrono::milliseconds allowed, uint64_t moved) {
  const auto allowed_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(allowed).count();
  const auto bought_ns = static_cast<int64_t>(moved) * (1'000'000'000 / kBytesPerSecondMin);
  deadline_ns_ = std::min(platform::now_ns(), begun_ns_ + bought_ns) + allowed_ns;
}

void Connection::check_time(int64_t now_ns) {
  if (phase_ == Phase::kComputing && is_gone()) return abandon();
  if (phase_ == Phase::kComputing || phase_ == Phase::kClosed) return;
  const auto idle_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(shared_.limits.idle).count();
  const auto keep_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(kKeepBuffers).count();
  if (is_idle_ && has_buffers_ && now_ns - (deadline_ns_ - idle_ns) > keep_ns) {
    exchange_.release();
    has_buffers_ = false;
  }
  if (now_ns < deadline_ns_) return;
  if (!is_idle_ && phase_ != Phase::kLingering) shared_.counters.timeouts.add();
  if (!is_idle_ && phase_ <= Phase::kDiscard) {
    exchange_.refuse({408, "the request did not arrive in time"});
    const auto& reply = exchange_.reply();
    const std::string text = reply.head + reply.text;
    (void)::send(socket_.native_handle(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    exchange_.sent();
  }
  close();
}

// The client has closed its side, or reset the connection. Not seen by reading: the next request may lie before the end.
bool Connection::is_gone() {
  pollfd socket{socket_.native_handle(), POLLRDHUP, 0};
  return ::poll(&socket, 1, 0) > 0;
}

// What is computed already stops by itself, or its answer goes nowhere: then the executor lets go of this connection later.
void Connection::abandon() {
  const auto self = shared_from_this();
  if (exchange_.withdraw()) computing_.reset();
  close();
}

void Connection::drain() {
  if (is_idle_ && phase_ == Phase::kHead) close();
}

void Connection::close() {
  if (phase_ == Phase::kClosed) return;
  if (phase_ != Phase::kComputing) exchange_.break_off();
  phase_ = Phase::kClosed;
  shared_.counters.connections_open.fetch_sub(1);
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace tercel::transport::http
