#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "load/address.h"
#include "load/response.h"

namespace tercel::load {

// What goes out: a head without its end, and a body. The deadline header and the blank line are added when the first byte
// leaves, so that a connection that had to be opened first costs the server none of the client's time.
struct Outgoing {
  std::string_view head, body;
  int64_t deadline_at_ns = 0;  // on the generator's clock; 0: none
};

// One keep-alive connection and the request on it. Never blocks. Registered edge-triggered with an epoll under a tag; the
// owner passes events on. One thread.
class Connection {
 public:
  enum class Progress : uint8_t {
    kPending,   // nothing to tell yet
    kAnswered,  // response() holds the whole answer
    kRefused,   // the connection could not be opened, or broke: failure() says how
    kGarbage,   // what came is not HTTP: failure() says why
  };

  Connection() = default;
  ~Connection() { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Sends a request, opening the connection when it is not. The views stay good until it has ended. Not while one is on it.
  Progress begin(const Endpoint& endpoint, int epoll, uint64_t tag, const Outgoing& request);
  // After an event; `buffer` is scratch memory.
  Progress on_event(uint32_t events, std::span<char> buffer);
  void close();

  bool is_busy() const { return state_ >= State::kConnecting; }
  const Response& response() const { return parser_.response(); }
  const std::string& failure() const { return failure_; }
  size_t bytes_sent() const { return sent_; }          // of the present request
  size_t bytes_received() const { return received_; }  // of the present answer
  uint64_t opened() const { return opened_; }          // how often it was

 private:
  enum class State : uint8_t { kClosed, kIdle, kConnecting, kSending, kReceiving };

  Progress open(const Endpoint& endpoint, int epoll, uint64_t tag);
  Progress finish_connecting();
  Progress send_more();
  Progress receive(bool to_the_end, std::span<char> buffer);
  Progress take(std::string_view bytes);
  Progress fail(Progress how, std::string why);
  Progress finish(bool reusable);
  void write_tail();

  int socket_ = -1;
  State state_ = State::kClosed;
  Outgoing request_;
  char tail_[64];
  size_t tail_bytes_ = 0, sent_ = 0, received_ = 0;
  uint64_t opened_ = 0;
  ResponseParser parser_;
  std::string failure_;
};

}  // namespace tercel::load
