#include "transport/http/io_loop.h"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "platform/placement.h"

namespace tercel::transport::http {
namespace {

// How late a time-out may be noticed.
constexpr std::chrono::milliseconds kTickMax{250}, kTickMin{5};

std::chrono::milliseconds tick_interval(const Limits& limits) {
  const auto shortest = std::min({limits.idle, limits.head, limits.body, limits.send});
  return std::clamp(shortest / 4, kTickMin, kTickMax);
}

}  // namespace

IoLoop::IoLoop(serve::Server& server, const HttpOptions& options, Counters& counters, request::Budget& memory)
    : limits_(options.limits),
      work_(boost::asio::make_work_guard(context_)),
      timer_(context_),
      shared_{server, options, options.limits, counters, memory, parser_} {}

void IoLoop::join() {
  if (thread_.joinable()) thread_.join();
}

void IoLoop::start(const std::vector<int>& cpus) {
  thread_ = std::thread([this, cpus] {
    platform::run_on(cpus);
    platform::ask_for_short_slices();
    tick();
    context_.run();
  });
}

void IoLoop::adopt(boost::asio::ip::tcp::socket socket) {
  const auto connection = std::make_shared<Connection>(std::move(socket), shared_);
  connections_.push_back(connection);
  connection->start();
}

void IoLoop::tick() {
  const int64_t now = platform::now_ns();
  shared_.server.reservations().expire(now);
  for (const auto& connection : connections_) {
    connection->check_time(now);
    if (draining_) connection->drain();
  }
  prune();
  if (stopping_ && connections_.empty()) return;
  timer_.expires_after(stopping_ ? kTickMin : tick_interval(limits_));
  timer_.async_wait([this](const boost::system::error_code& failure) {
    if (!failure) tick();
  });
}

// A closed connection whose job still computes stays until the executor has given it back.
void IoLoop::prune() {
  std::erase_if(connections_, [](const auto& connection) { return connection->is_closed() && connection.use_count() == 1; });
}

void IoLoop::drain() {
  boost::asio::post(context_, [this] {
    draining_ = true;
    for (const auto& connection : connections_) connection->drain();
  });
}

void IoLoop::close_all() {
  boost::asio::post(context_, [this] {
    for (const auto& connection : connections_) connection->close();
  });
}

void IoLoop::stop() {
  boost::asio::post(context_, [this] {
    stopping_ = true;
    timer_.cancel();
    work_.reset();
    tick();
  });
}

}  // namespace tercel::transport::http
