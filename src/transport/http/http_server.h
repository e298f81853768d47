#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <vector>

#include "transport/http/io_loop.h"

namespace tercel::transport::http {

// Listens, and spreads connections over I/O threads.
class HttpServer {
 public:
  // Listens when it returns. `server` outlives it. A port in use, or an address that is not this machine's, is an error
  // that says so.
  static Result<std::unique_ptr<HttpServer>> start(serve::Server& server, const HttpOptions& options);
  ~HttpServer();

  uint16_t port() const { return port_; }
  const Counters& counters() const { return counters_; }
  int64_t memory_left() const { return memory_.left(); }  // bytes of limits.memory_bytes that nothing holds

  // Accepts no more, closes idle connections, and each other one after its answer.
  void drain();
  // Waits until no connection is left, at most that long. True when none is.
  bool wait_until_idle(std::chrono::milliseconds at_most) const;

 private:
  HttpServer(serve::Server& server, const HttpOptions& options);
  Result<void> listen();
  void accept();
  void on_accept(boost::system::error_code failure, boost::asio::ip::tcp::socket socket);
  void take(boost::asio::ip::tcp::socket socket);
  IoLoop& next_loop() { return *loops_[next_loop_ % loops_.size()]; }
  void refuse(boost::asio::ip::tcp::socket socket);

  serve::Server& server_;
  const HttpOptions options_;
  Counters counters_;
  request::Budget memory_;
  std::vector<std::unique_ptr<IoLoop>> loops_;
  // Of the first loop's thread.
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer accept_again_;
  size_t next_loop_ = 0;
  uint16_t port_ = 0;
};

}  // namespace tercel::transport::http
