#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "transport/http/head.h"

namespace tercel::transport::http {

// One answer on its way out: a head, then parts that lie elsewhere. Reused; fill it, then send head and parts in order.
struct Reply {
  int status = 200;
  bool close = false;                             // say so, and close when it is sent
  std::string head;                               // status line and headers
  std::string text;                               // the usual body
  std::vector<std::span<const std::byte>> parts;  // the whole body

  size_t bytes() const;
};

// The status for a failed operation, by what the caller can do about it.
int status_of(ErrorCode code);

// Makes `reply` a JSON body from its text / an error in the protocol's form, and writes the head. `extra` is header lines
// with their CRLF, or empty.
void finish_text(Reply& reply, int status, std::string_view content_type, std::string_view extra = {});
void finish_error(Reply& reply, int status, std::string_view message, std::string_view extra = {});

// Writes the head of a reply whose parts are in place.
void write_reply_head(Reply& reply, int status, std::string_view content_type, size_t content_length, std::string_view extra);

inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kBinary = "application/octet-stream";
inline constexpr std::string_view kMetricsText = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace tercel::transport::http
