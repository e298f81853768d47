#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tercel::load {

inline constexpr size_t kAnswerHeadBytesMax = 64 << 10;         // status lines, headers and trailers of one answer
inline constexpr uint64_t kAnswerBytesMax = uint64_t{1} << 36;  // body of one answer
inline constexpr size_t kCapturedBytesMax = 64 << 10;  // of a body's beginning that are kept; the rest is counted and dropped
inline constexpr int kInterimAnswersMax = 8;           // 1xx before one answer

// What is kept of an answer.
struct Response {
  int status = 0;
  bool keep_alive = true;
  std::optional<uint64_t> content_length, infer_header_length;
  uint64_t body_bytes = 0;  // that arrived
  std::string captured;     // the first of them, as many as the parser keeps (kCapturedBytesMax)
};

// Reads HTTP/1.1 answers as their bytes arrive, in pieces of any size: fixed length, chunked, or up to the end of the
// stream. Every length is bounded; what is not HTTP is an error with a sentence. Keeps its memory from answer to answer.
class ResponseParser {
 public:
  explicit ResponseParser(size_t captured_max = kCapturedBytesMax) : captured_max_(captured_max) {}

  void reset();  // before each answer

  // Takes bytes in their order; says how many belong to this answer. Fewer than given only when it is done. After an
  // error only reset() makes sense.
  Result<size_t> feed(std::string_view bytes);
  // The stream has ended: fine when the answer is whole or reaches up to the end, an error otherwise.
  Result<void> end();

  bool is_done() const { return state_ == State::kDone; }
  bool has_begun() const { return has_begun_; }
  const Response& response() const { return response_; }

 private:
  enum class State : uint8_t { kStatusLine, kHeader, kFixed, kChunkSize, kChunk, kChunkEnd, kTrailer, kUntilEnd, kDone };

  Result<void> take_line(std::string_view line);
  Result<void> take_status_line(std::string_view line);
  Result<void> take_header(std::string_view line);
  Result<void> take_chunk_size(std::string_view line);
  Result<void> finish_head();
  Result<size_t> take_line_bytes(std::string_view bytes);
  Result<size_t> take_body_bytes(std::string_view bytes);

  const size_t captured_max_;
  State state_ = State::kStatusLine;
  Response response_;
  std::string line_;  // a line that has not ended yet
  size_t head_bytes_ = 0;
  uint64_t left_ = 0;  // of the fixed body or the chunk
  int interim_ = 0;
  bool has_begun_ = false, is_chunked_ = false;
};

}  // namespace tercel::load
