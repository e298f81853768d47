#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tercel::transport::http {

// What one client, and all of them together, may take. The defaults are the documented limits (docs/limits.md).
struct Limits {
  size_t head_bytes = 32 << 10;          // request line and headers; also what is read ahead of a request
  size_t target_bytes = 8 << 10;         // the path of a request line
  size_t headers = 100;
  size_t body_bytes = size_t{64} << 20;  // one request; more is refused with 413
  size_t memory_bytes = size_t{1} << 30; // bodies and answers of all connections; more is refused with 503
  uint32_t connections = 1024;           // more are answered 503 and closed

  std::chrono::milliseconds idle{60'000};  // between requests
  std::chrono::milliseconds head{5'000};   // from the first byte of a request to the end of its head
  std::chrono::milliseconds body{30'000};  // the body, plus the time that kBytesPerSecondMin allows for its size
  std::chrono::milliseconds send{30'000};  // the same for an answer that the client has to take
};

// Slower than this, a client is taken for a hostile or a dead one.
inline constexpr int64_t kBytesPerSecondMin = 64 << 10;
// Requests of one connection that are answered before others get their turn.
inline constexpr int kPipelinedTurns = 16;
// Bytes that one connection may read in a row before others get their turn.
inline constexpr size_t kReadTurnBytes = size_t{1} << 20;
// How long the rest of a refused request is read and thrown away, so that the client gets to see the refusal.
inline constexpr std::chrono::milliseconds kLinger{2'000};
// An idle connection gives its buffers back after this.
inline constexpr std::chrono::milliseconds kKeepBuffers{5'000};
// Nesting of "data" in an inference request, and the number of tensors named in one.
inline constexpr int kJsonNestingMax = 16;
inline constexpr size_t kTensorsMax = 1024;

}  // namespace tercel::transport::http
