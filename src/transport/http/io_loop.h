#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "transport/http/connection.h"

namespace tercel::transport::http {

// One I/O thread with its connections. A connection stays on the thread that it was given to.
class IoLoop {
 public:
  IoLoop(serve::Server& server, const HttpOptions& options, Counters& counters, request::Budget& memory);

  boost::asio::io_context& context() { return context_; }
  void start(const std::vector<int>& cpus);

  // On this thread: takes over an accepted socket that was made for context().
  void adopt(boost::asio::ip::tcp::socket socket);

  // Any thread. Closes idle connections now and each other one after its answer.
  void drain();
  // Any thread. Closes every connection; those that compute are let go when they are done.
  void close_all();
  // Any thread. Ends the thread once nothing is left to do; after close_all(), and followed by join().
  void stop();
  void join();

 private:
  void tick();
  void prune();

  const Limits& limits_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer timer_;
  InferBodyParser parser_;
  Shared shared_;
  std::vector<std::shared_ptr<Connection>> connections_;
  bool draining_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace tercel::transport::http
