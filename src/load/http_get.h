#pragma once

#include <string>

#include "load/address.h"
#include "load/response.h"

namespace tercel::load {

struct GetLimits {
  int64_t patience_ns = 10'000'000'000;
  size_t body_bytes = kCapturedBytesMax;  // that are kept
};

// One GET on a connection of its own, with blocking calls and a bounded wait: for what is asked beside a run.
Result<Response> http_get(const Address& address, const Endpoint& endpoint, const std::string& path, const std::string& headers,
                          const GetLimits& limits = {});

}  // namespace tercel::load
