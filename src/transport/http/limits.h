#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tercel::transport::http {

inline constexpr size_t kHeadBytesMax = 32 << 10;               // request line and headers; also what is read ahead of a request
inline constexpr size_t kTargetBytesMax = 8 << 10;              // the path of a request line
inline constexpr size_t kHeadersMax = 100;                      // of one request
inline constexpr size_t kBodyBytesMax = size_t{64} << 20;       // of one request (--http-max-input-size)
inline constexpr size_t kHttpMemoryBytesMax = size_t{1} << 30;  // bodies and answers of all connections (--http-max-memory)
inline constexpr uint32_t kConnectionsMax = 1024;               // at the same time (--http-max-connections)
inline constexpr int kIdleMsMax = 60'000;                       // between requests (--http-idle-timeout-secs)
inline constexpr int kHeadMsMax = 5'000;                        // from the first byte of a request to the end of its head
inline constexpr int kBodyMsMax = 30'000;                       // for a body; and a second more for each 64 KiB that came
inline constexpr int kSendMsMax = 30'000;                       // for an answer that the client has to take, likewise

// What one client, and all of them together, may take.
struct Limits {
  size_t head_bytes = kHeadBytesMax;
  size_t target_bytes = kTargetBytesMax;
  size_t headers = kHeadersMax;
  size_t body_bytes = kBodyBytesMax;          // more is refused with 413
  size_t memory_bytes = kHttpMemoryBytesMax;  // more is refused with 503
  uint32_t connections = kConnectionsMax;     // more are answered 503 and closed

  std::chrono::milliseconds idle{kIdleMsMax};
  std::chrono::milliseconds head{kHeadMsMax};
  std::chrono::milliseconds body{kBodyMsMax};
  std::chrono::milliseconds send{kSendMsMax};
};

// Slower than this, a client is taken for a hostile or a dead one; also when nothing moves for as long as a body, or an answer,
// may take.
inline constexpr int64_t kBytesPerSecondMin = 64 << 10;
// Requests of one connection that are answered before others get their turn.
inline constexpr int kPipelinedTurns = 16;
// Bytes that one connection may read in a row before others get their turn.
inline constexpr size_t kReadTurnBytes = size_t{1} << 20;
// Of a body, memory is taken in steps of this as it comes: who announces much and sends little keeps nobody out.
inline constexpr size_t kBodyStepBytes = size_t{256} << 10;
static_assert(kHeadBytesMax <= kBodyStepBytes, "what is read ahead of a body lies in its first step");
// How long the rest of a refused request is read and thrown away, so that the client gets to see the refusal.
inline constexpr std::chrono::milliseconds kLinger{2'000};
// An idle connection gives its buffers back after this.
inline constexpr std::chrono::milliseconds kKeepBuffers{5'000};
inline constexpr int kJsonNestingMax = 16;   // of arrays in the data of a tensor
inline constexpr size_t kTensorsMax = 1024;  // named as inputs, or as outputs, of one request
inline constexpr size_t kIdBytesMax = 4096;  // of a request's id

}  // namespace tercel::transport::http
