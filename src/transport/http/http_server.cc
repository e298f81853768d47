#include "transport/http/http_server.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <future>

#include "observe/log.h"
#include "platform/cpus.h"

namespace tercel::transport::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

inline constexpr int kThreadsMax = 64;
inline constexpr int kBacklog = 4096;
inline constexpr int kAcceptsPerTurn = 64;
// After running out of file descriptors, say.
inline constexpr std::chrono::milliseconds kAcceptPause{50};

std::vector<std::unique_ptr<IoLoop>> make_loops(serve::Server& server, const HttpOptions& options, Counters& counters,
                                                request::Budget& memory) {
  const int count = std::clamp(options.threads > 0 ? options.threads : platform::usable_cpus() / 2, 1, kThreadsMax);
  std::vector<std::unique_ptr<IoLoop>> loops;
  for (int i = 0; i < count; ++i) loops.push_back(std::make_unique<IoLoop>(server, options, counters, memory));
  return loops;
}

Error cannot_listen(const HttpOptions& options, const error_code& failure) {
  const std::string where = options.address + ":" + std::to_string(options.port);
  std::string advice;
  if (failure == asio::error::address_in_use)
    advice = "; another program has it: stop that, or choose another port (0 takes any free one)";
  if (failure == asio::error::access_denied) advice = "; ports below 1024 need privileges: choose another port";
  if (failure == error_code(EADDRNOTAVAIL, boost::system::system_category())) advice = "; this machine has no such address";
  return io_error("cannot listen on " + where + ": " + failure.message() + advice);
}

}  // namespace

HttpServer::HttpServer(serve::Server& server, const HttpOptions& options)
    : server_(server),
      options_(options),
      memory_(options.limits.memory_bytes),
      loops_(make_loops(server, options_, counters_, memory_)),
      acceptor_(loops_[0]->context()),
      accept_again_(loops_[0]->context()) {}

Result<std::unique_ptr<HttpServer>> HttpServer::start(serve::Server& server, const HttpOptions& options) {
  std::unique_ptr<HttpServer> http(new HttpServer(server, options));
  TRY(http->listen());
  http->accept();
  for (const auto& loop : http->loops_) loop->start(options.cpus);
  return http;
}

Result<void> HttpServer::listen() {
  error_code failure;
  const auto address = asio::ip::make_address(options_.address, failure);
  if (failure)
    return invalid("'" + options_.address + "' is not an IP address; 127.0.0.1 is this machine, 0.0.0.0 all of its networks");
  const tcp::endpoint endpoint(address, options_.port);
  acceptor_.open(endpoint.protocol(), failure);
  if (!failure) acceptor_.set_option(tcp::acceptor::reuse_address(true), failure);
  if (!failure) acceptor_.bind(endpoint, failure);
  if (!failure) acceptor_.listen(kBacklog, failure);
  if (!failure) acceptor_.non_blocking(true, failure);
  if (!failure) port_ = acceptor_.local_endpoint(failure).port();
  if (failure) return cannot_listen(options_, failure);
  return {};
}

void HttpServer::accept() {
  acceptor_.async_accept(next_loop().context(),
                         [this](const error_code& failure, tcp::socket socket) { on_accept(failure, std::move(socket)); });
}

// Whoever waits is let in at one go, though not without end: between two turns of the loop each connection that has something to
// do gets its turn, and a thousand busy ones would let in one at a time.
void HttpServer::on_accept(error_code failure, tcp::socket socket) {
  if (!acceptor_.is_open()) return;
  for (int taken = 0; !failure && taken < kAcceptsPerTurn; ++taken) {
    take(std::move(socket));
    socket = tcp::socket(next_loop().context());
    acceptor_.accept(socket, failure);
  }
  if (failure == asio::error::would_block || failure == asio::error::try_again) failure = {};
  else if (!failure) take(std::move(socket));
  if (failure) {
    observe::log(observe::LogLevel::kWarning, "http", "could not accept a connection", {{"reason", failure.message()}});
    accept_again_.expires_after(kAcceptPause);
    accept_again_.async_wait([this](const error_code& stopped) {
      if (!stopped) accept();
    });
    return;
  }
  accept();
}

// The socket was made for next_loop().
void HttpServer::take(tcp::socket socket) {
  if (counters_.connections_open.load() >= options_.limits.connections) return refuse(std::move(socket));
  counters_.connections_open.fetch_add(1);  // here, where it is compared: another thread may get it later
  counters_.connections_accepted.add();
  auto& loop = next_loop();
  ++next_loop_;
  if (loops_.size() == 1) loop.adopt(std::move(socket));
  else asio::post(loop.context(), [&loop, socket = std::move(socket)]() mutable { loop.adopt(std::move(socket)); });
}

void HttpServer::refuse(tcp::socket socket) {
  counters_.connections_refused.add();
  Reply reply{.close = true};
  finish_error(
      reply, 503,
      "the server has all the connections that it takes (" + std::to_string(options_.limits.connections) + "); try again later");
  const std::string text = reply.head + reply.text;
  (void)::send(socket.native_handle(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  error_code ignored;
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

void HttpServer::drain() {
  std::promise<void> closed;
  asio::post(loops_[0]->context(), [&] {
    error_code ignored;
    acceptor_.close(ignored);
    accept_again_.cancel();
    closed.set_value();
  });
  closed.get_future().wait();
  for (const auto& loop : loops_) loop->drain();
}

bool HttpServer::wait_until_idle(std::chrono::milliseconds at_most) const {
  const auto end_ns = platform::now_ns() + std::chrono::duration_cast<std::chrono::nanoseconds>(at_most).count();
  while (counters_.connections_open.load() > 0) {
    if (platform::now_ns() >= end_ns) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

HttpServer::~HttpServer() {
  if (port_ != 0) drain();
  // All threads end before anything that a late handler could touch goes.
  for (const auto& loop : loops_) {
    loop->close_all();
    loop->stop();
  }
  for (const auto& loop : loops_) loop->join();
}

}  // namespace tercel::transport::http
