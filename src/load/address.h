#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace tercel::load {

// Where a server listens.
struct Address {
  std::string url;  // "http://127.0.0.1:8000", as given but for a trailing slash
  std::string host, port;
  std::string authority;  // "127.0.0.1:8000", for the Host header
  std::string base_path;  // "", or a path in front of /v2
};

// Takes "http://host[:port][/path]" or "host[:port]"; the port is 8000 when it is not said.
Result<Address> parse_url(std::string_view url);

// An address as connect() takes it.
struct Endpoint {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// The first address that the name resolves to and that accepts a connection.
Result<Endpoint> reach(const Address& address);

}  // namespace tercel::load
