#include "load/response.h"

#include <algorithm>
#include <charconv>

#include "base/header_text.h"

namespace tercel::load {
namespace {

std::optional<uint64_t> number(std::string_view text, int base) {
  uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// At most 60 bytes of what the server sent, fit to be shown.
std::string shown(std::string_view bytes) {
  std::string text = "'";
  for (const char c : bytes.substr(0, 60)) text += c >= 0x20 && c < 0x7f ? c : '.';
  return text + "'";
}

}  // namespace

void ResponseParser::reset() {
  state_ = State::kStatusLine;
  response_.status = 0;
  response_.keep_alive = true;
  response_.content_length.reset();
  response_.infer_header_length.reset();
  response_.body_bytes = 0;
  response_.captured.clear();
  line_.clear();
  head_bytes_ = 0;
  left_ = 0;
  interim_ = 0;
  has_begun_ = is_chunked_ = false;
}

Result<size_t> ResponseParser::feed(std::string_view bytes) {
  size_t used = 0;
  has_begun_ |= !bytes.empty();
  while (used < bytes.size() && state_ != State::kDone) {
    const bool in_body = state_ == State::kFixed || state_ == State::kChunk || state_ == State::kUntilEnd;
    used += TRY(in_body ? take_body_bytes(bytes.substr(used)) : take_line_bytes(bytes.substr(used)));
  }
  return used;
}

Result<void> ResponseParser::end() {
  if (state_ == State::kUntilEnd) state_ = State::kDone;
  if (state_ == State::kDone) return {};
  return io_error(has_begun_ ? "the server closed the connection in the middle of an answer"
                             : "the server closed the connection without an answer");
}

Result<size_t> ResponseParser::take_line_bytes(std::string_view bytes) {
  const size_t newline = bytes.find('\n');
  const size_t used = newline == std::string_view::npos ? bytes.size() : newline + 1;
  head_bytes_ += used;
  // The lines around chunks belong to the body: many small chunks are no long head.
  const bool around_chunk = state_ == State::kChunkSize || state_ == State::kChunkEnd;
  if (around_chunk && newline != std::string_view::npos) head_bytes_ -= std::min(head_bytes_, line_.size() + used);
  if (head_bytes_ > kAnswerHeadBytesMax || line_.size() + used > kAnswerHeadBytesMax)
    return too_large("the head of an answer is longer than " + std::to_string(kAnswerHeadBytesMax) + " bytes");
  if (newline == std::string_view::npos) {
    // What does not begin like HTTP is told now: its line may never end.
    line_ += bytes;
    constexpr std::string_view kStart = "HTTP/1.";
    if (state_ == State::kStatusLine && line_.size() > kStart.size() && !line_.starts_with(kStart))
      return invalid("the answer is not HTTP/1.1: it begins with " + shown(line_));
    return used;
  }
  std::string_view line = bytes.substr(0, newline);
  if (!line_.empty()) {
    line_ += line;
    line = line_;
  }
  if (line.ends_with('\r')) line.remove_suffix(1);
  TRY(take_line(line));
  line_.clear();
  return used;
}

Result<void> ResponseParser::take_line(std::string_view line) {
  switch (state_) {
    case State::kStatusLine: return take_status_line(line);
    case State::kHeader: return line.empty() ? finish_head() : take_header(line);
    case State::kChunkSize: return take_chunk_size(line);
    case State::kChunkEnd:
      if (!line.empty()) return invalid("a chunk of the answer is longer than it says");
      state_ = State::kChunkSize;
      return {};
    default:  // a trailer
      if (line.empty()) state_ = State::kDone;
      return {};
  }
}

Result<void> ResponseParser::take_status_line(std::string_view line) {
  const bool is_http = line.starts_with("HTTP/1.1 ") || line.starts_with("HTTP/1.0 ");
  const uint64_t status = is_http ? number(line.substr(9, 3), 10).value_or(0) : 0;
  const bool ends = line.size() == 12 || (line.size() > 12 && line[12] == ' ');
  if (status < 100 || status > 999 || !ends) return invalid("the answer is not HTTP/1.1: it begins with " + shown(line));
  response_.status = static_cast<int>(status);
  response_.keep_alive = line[7] == '1';
  state_ = State::kHeader;
  return {};
}

Result<void> ResponseParser::take_header(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0)
    return invalid("a header of the answer is not 'Name: value': " + shown(line));
  const std::string_view name = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
  if (equals_ignoring_case(name, "content-length")) {
    const auto length = number(value, 10);
    if (!length || *length > kAnswerBytesMax || (response_.content_length && response_.content_length != length))
      return invalid("the answer's Content-Length is " + shown(value));
    response_.content_length = length;
  } else if (equals_ignoring_case(name, "transfer-encoding")) {
    if (!equals_ignoring_case(value, "chunked"))
      return unsupported("the answer's Transfer-Encoding is " + shown(value) + "; only chunked is known");
    is_chunked_ = true;
  } else if (equals_ignoring_case(name, "connection")) {
    if (list_has(value, "close")) response_.keep_alive = false;
    else if (list_has(value, "keep-alive")) response_.keep_alive = true;
  } else if (equals_ignoring_case(name, "inference-header-content-length")) {
    response_.infer_header_length = number(value, 10);
    if (!response_.infer_header_length) return invalid("the answer's Inference-Header-Content-Length is " + shown(value));
  }
  return {};
}

Result<void> ResponseParser::finish_head() {
  const int status = response_.status;
  if (status == 101) return unsupported("the server switched protocols, which nobody asked for");
  if (status < 200) {
    if (++interim_ > kInterimAnswersMax) return too_large("more than " + std::to_string(kInterimAnswersMax) + " interim answers");
    state_ = State::kStatusLine;
    response_.content_length.reset();
    is_chunked_ = false;
    return {};
  }
  if (status == 204 || status == 304) {
    state_ = State::kDone;
  } else if (is_chunked_) {
    state_ = State::kChunkSize;
  } else if (response_.content_length) {
    left_ = *response_.content_length;
    state_ = left_ == 0 ? State::kDone : State::kFixed;
  } else {
    response_.keep_alive = false;
    state_ = State::kUntilEnd;
  }
  return {};
}

Result<void> ResponseParser::take_chunk_size(std::string_view line) {
  const auto size = number(trimmed(line.substr(0, line.find(';'))), 16);
  if (!size || *size > kAnswerBytesMax - response_.body_bytes)
    return invalid("a chunk of the answer has the size " + shown(line));
  left_ = *size;
  state_ = left_ == 0 ? State::kTrailer : State::kChunk;
  return {};
}

Result<size_t> ResponseParser::take_body_bytes(std::string_view bytes) {
  const uint64_t wanted = state_ == State::kUntilEnd ? kAnswerBytesMax - response_.body_bytes : left_;
  if (wanted == 0) return too_large("the answer is longer than " + std::to_string(kAnswerBytesMax) + " bytes");
  const auto used = static_cast<size_t>(std::min<uint64_t>(wanted, bytes.size()));
  const size_t room = captured_max_ - response_.captured.size();
  response_.captured.append(bytes.substr(0, std::min(used, room)));
  response_.body_bytes += used;
  if (state_ == State::kUntilEnd) return used;
  left_ -= used;
  if (left_ == 0) state_ = state_ == State::kFixed ? State::kDone : State::kChunkEnd;
  return used;
}

}  // namespace tercel::load
