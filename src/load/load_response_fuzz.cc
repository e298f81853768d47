#include <cstdlib>

#include "load/answer.h"
#include "load/response.h"

// An answer that arrives in pieces must be understood like one that arrives whole. The first byte is the size of a piece.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tercel::load::AnswerReader, tercel::load::Response, tercel::load::ResponseParser;
  if (size == 0) return 0;
  const size_t piece = data[0] + size_t{1};
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  static ResponseParser whole, split;
  static AnswerReader reader;
  whole.reset();
  split.reset();
  const auto used = whole.feed(text);
  bool split_ok = true;
  size_t split_used = 0;
  for (size_t at = 0; at < text.size() && split_ok && !split.is_done(); at += piece) {
    const auto part = split.feed(text.substr(at, piece));
    split_ok = part.ok();
    if (split_ok) split_used += *part;
  }
  if (used.ok() != split_ok) std::abort();
  if (!used.ok()) return used.error().message().empty() ? std::abort(), 0 : 0;
  if (*used != split_used || whole.is_done() != split.is_done() || whole.response().captured != split.response().captured)
    std::abort();
  if (whole.end().ok() != split.end().ok()) std::abort();
  if (!whole.is_done()) return 0;
  const Response& response = whole.response();
  if (response.captured.size() > response.body_bytes || response.status < 200) std::abort();
  (void)reader.check_answer(response).ok();
  if (reader.error_of(response).find_first_of("\r\n") != std::string::npos) std::abort();
  return 0;
}
