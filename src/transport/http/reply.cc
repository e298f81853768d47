#include "transport/http/reply.h"

#include <charconv>

#include "base/json.h"

namespace tercel::transport::http {
namespace {

std::string_view reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Error";
  }
}

void append_number(std::string& out, size_t value) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

}  // namespace

size_t Reply::bytes() const {
  size_t sum = head.size();
  for (const auto& part : parts) sum += part.size();
  return sum;
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
    case ErrorCode::kUnsupported:
    case ErrorCode::kNeedsValue: return 400;
    case ErrorCode::kNotFound: return 404;
    case ErrorCode::kLimit: return 400;
    case ErrorCode::kExhausted: return 429;
    case ErrorCode::kUnavailable: return 503;
    case ErrorCode::kCancelled:
    case ErrorCode::kDeadline: return 504;
    case ErrorCode::kIo:
    case ErrorCode::kInternal: return 500;
  }
  return 500;
}

void write_reply_head(Reply& reply, int status, std::string_view content_type, size_t content_length, std::string_view extra) {
  reply.status = status;
  std::string& head = reply.head;
  head = "HTTP/1.1 ";
  append_number(head, static_cast<size_t>(status));
  ((head += ' ').append(reason(status)) += "\r\nContent-Type: ").append(content_type) += "\r\nContent-Length: ";
  append_number(head, content_length);
  head += "\r\n";
  if (status == 429 || status == 503) head += "Retry-After: 1\r\n";
  if (reply.close) head += "Connection: close\r\n";
  head.append(extra) += "\r\n";
}

void finish_text(Reply& reply, int status, std::string_view content_type, std::string_view extra) {
  reply.parts.clear();
  if (!reply.text.empty()) reply.parts.push_back(std::as_bytes(std::span(reply.text.data(), reply.text.size())));
  write_reply_head(reply, status, content_type, reply.text.size(), extra);
}

void finish_error(Reply& reply, int status, std::string_view message, std::string_view extra) {
  reply.text.clear();
  JsonWriter(reply.text).begin_object().field("error", message).end_object();
  finish_text(reply, status, kJson, extra);
}

}  // namespace tercel::transport::http
