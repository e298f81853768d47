#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <vector>

#include "transport/http/exchange.h"
#include "transport/http/handler_memory.h"

namespace tercel::transport::http {

// One client: reads a request, has it answered, sends the answer, and again. Lives on one I/O thread; at most one
// asynchronous operation is under way, and it keeps the connection alive. A pipelined request waits in the buffer until the
// one before it is answered.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // Counted as open already; close() counts it off.
  Connection(boost::asio::ip::tcp::socket socket, Shared& shared);
  ~Connection();

  void start();
  // Called now and then: closes what is too slow or idle for too long, gives back the buffers of idle ones.
  void check_time(int64_t now_ns);
  // The server drains: an idle connection closes now, a busy one after its answer.
  void drain();
  void close();
  bool is_closed() const { return phase_ == Phase::kClosed; }
  bool is_computing() const { return phase_ == Phase::kComputing; }

 private:
  enum class Phase : uint8_t { kHead, kBody, kDiscard, kComputing, kSending, kLingering, kClosed };
  enum class Step : uint8_t { kGo, kWait };  // go on at once, or wait for an event

  void advance();
  Step read_head();
  Step take_head(size_t head_bytes);
  Step read_body();
  Step discard_body();
  void take_discarded(size_t bytes);
  Step respond();
  Step send();
  Step finish_reply();
  Step linger();
  Step refuse(const Refusal& refusal);

  Step receive(std::byte* target, size_t bytes, size_t& received);
  void wait_readable(std::byte* target, size_t bytes);
  void wait_writable();
  void yield();
  void on_event(const boost::system::error_code& failure, size_t bytes);
  static void on_computed(void* owner);
  bool is_gone();
  void abandon();
  void set_deadline(std::chrono::milliseconds allowed);
  void extend_deadline(std::chrono::milliseconds allowed, uint64_t moved);
  size_t buffered() const { return end_ - begin_; }

  boost::asio::ip::tcp::socket socket_;
  Shared& shared_;
  Exchange exchange_;
  HandlerMemory handler_memory_;

  Phase phase_ = Phase::kHead;
  int64_t begun_ns_ = 0;  // what the time-out is for
  int64_t deadline_ns_ = 0;
  int turns_ = 0;                  // requests answered without giving others a turn
  size_t turn_bytes_ = 0;          // read without giving others a turn
  size_t asked_bytes_ = 0;         // of the read under way
  bool is_drained_ = false;        // the last read got less than it asked for
  std::vector<std::byte> window_;  // received and not yet used: [begin_, end_)
  size_t begin_ = 0, end_ = 0, scanned_ = 0;
  size_t used_bytes_ = 0;                  // of the window, by the request being answered
  uint64_t body_left_ = 0;                 // still to be received or discarded
  uint64_t body_filled_ = 0;               // received, wanted or not
  size_t sent_ = 0;                        // bytes of the reply
  bool is_idle_ = true;                    // between requests
  bool has_buffers_ = false;               // worth giving back when idle
  std::shared_ptr<Connection> computing_;  // itself, while an executor has its job
};

}  // namespace tercel::transport::http
