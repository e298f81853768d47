#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tercel::bench {

// One connection that sends a request and waits for the answer, with blocking calls.
class LoadClient {
 public:
  explicit LoadClient(uint16_t port);
  ~LoadClient();
  LoadClient(LoadClient&& other) noexcept;
  LoadClient& operator=(LoadClient&&) = delete;

  // Sends `request` and reads the whole answer; false when the connection broke. The views are good until the next call.
  bool exchange(std::string_view request);
  int status() const { return status_; }
  std::string_view body() const { return std::string_view(answer_).substr(body_at_, body_bytes_); }
  std::string_view whole() const { return std::string_view(answer_).substr(0, body_at_ + body_bytes_); }

 private:
  bool receive();

  int socket_;
  std::string answer_;
  size_t body_at_ = 0, body_bytes_ = 0;
  int status_ = 0;
};

}  // namespace tercel::bench
