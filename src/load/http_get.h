#pragma once

#include <string>

#include "load/address.h"
#include "load/response.h"

namespace tercel::load {

// What is asked for. `headers`: lines with their CRLF.
struct Call {
  std::string method, path, headers, body;
};

struct CallLimits {
  int64_t patience_ns = 10'000'000'000;
  size_t body_bytes = kCapturedBytesMax;  // that are kept
};

// One request on a connection of its own, with blocking calls and a bounded wait: for what is asked beside a run.
Result<Response> http_call(const Address& address, const Endpoint& endpoint, const Call& call, const CallLimits& limits = {});
// A GET.
Result<Response> http_get(const Address& address, const Endpoint& endpoint, const std::string& path, const std::string& headers,
                          const CallLimits& limits = {});

}  // namespace tercel::load
