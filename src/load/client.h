#pragma once

#include <deque>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "load/answer.h"
#include "load/connection.h"
#include "load/inputs.h"
#include "load/report.h"

namespace tercel::load {

inline constexpr size_t kWaitingMax = size_t{1}
                                      << 22;  // requests of one client that wait for a connection; more are given up at once

// A client whose requests are made: what a run needs of it, and what several runs share.
struct PreparedClient {
  ClientOptions options;
  std::string head;  // of every request, without its end
  Bodies bodies;
};

// The times of one run, on the generator's clock.
struct Window {
  int64_t start_ns = 0;  // when the schedules begin
  int64_t warmup_ns = 0, duration_ns = 0, timeout_ns = 0;
  int64_t slice_ns = 1;
  int64_t end_ns() const { return start_ns + warmup_ns + duration_ns; }  // no request starts at or after it
};

// One client of a run: takes requests up when they are meant to start, has them sent over its connections, and counts how
// they end. Open: a request that finds no free connection waits, its latency running. One thread.
class Client {
 public:
  static constexpr int64_t kNothing = std::numeric_limits<int64_t>::max();

  // `tag` identifies the client in the upper half of its epoll tags. `prepared`, `endpoint` and `answers` outlive it.
  Client(const PreparedClient& prepared, const Endpoint& endpoint, AnswerReader& answers, int epoll, uint32_t tag,
         const Window& window, uint64_t seed);

  int64_t next_due_ns() const;  // when start_due() has something to do; kNothing: not by itself
  void start_due(int64_t now);
  void on_event(uint32_t connection, uint32_t events, std::span<char> buffer);
  void give_up_overdue(int64_t now);  // whatever is older than the time-out
  bool is_done() const;
  ClientReport take_report();

 private:
  struct Slot {
    Connection connection;
    int64_t intended_ns = 0;
  };

  void schedule_next();
  void start_open(int64_t now);
  void start_closed(int64_t now);
  void start(int64_t intended_ns);
  void start_waiting();
  void settle(uint32_t slot, Connection::Progress progress);
  Outcome judge(const Connection& connection, int64_t latency_ns);
  void record(int64_t intended_ns, int64_t ended_ns, Outcome outcome, const Connection* connection);
  void note_example(Outcome outcome, std::string sentence);
  bool is_measured(int64_t intended_ns) const;

  const PreparedClient& prepared_;
  const Endpoint& endpoint_;
  AnswerReader& answers_;
  const int epoll_;
  const uint32_t tag_;
  const Window window_;
  std::optional<Arrivals> arrivals_;
  int64_t next_intended_ns_ = kNothing;
  int64_t retry_at_ns_ = 0;      // closed: after a connection failed
  bool is_over_ = false;         // closed: nothing starts any more
  std::deque<int64_t> waiting_;  // intended starts, in order
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;  // slots without a request; the one used last on top, so that few connections are opened
  size_t next_body_ = 0;
  ClientReport report_;
};

}  // namespace tercel::load
