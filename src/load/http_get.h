#pragma once

#include <string>

#include "load/address.h"
#include "load/response.h"

namespace tercel::load {

// One GET on a connection of its own, with blocking calls and a bounded wait: for what is asked before a run begins.
Result<Response> http_get(const Address& address, const Endpoint& endpoint, const std::string& path, const std::string& headers);

}  // namespace tercel::load
