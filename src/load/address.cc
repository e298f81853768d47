#include "load/address.h"

#include <netdb.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

namespace tercel::load {
namespace {

constexpr std::string_view kScheme = "http://";
constexpr int kConnectSeconds = 5;

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  return failure == std::errc() && end == text.data() + text.size() && port > 0 && port < 65536;
}

// Characters that may stand in a request line and a Host header; nobody smuggles a line break in.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// 0, or the error of the connection; blocks for at most kConnectSeconds.
int try_connect(const addrinfo& found) {
  const int socket = ::socket(found.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return errno;
  const timeval patience{kConnectSeconds, 0};
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const int failure = connect(socket, found.ai_addr, found.ai_addrlen) == 0 ? 0 : errno;
  close(socket);
  return failure == EINPROGRESS ? ETIMEDOUT : failure;
}

}  // namespace

Result<Address> parse_url(std::string_view url) {
  Address address;
  std::string_view rest = url;
  const std::string text = "'" + std::string(url) + "'";
  if (rest.starts_with("https://"))
    return unsupported(text + ": only http is spoken here; give the plain listener of the server");
  if (rest.starts_with(kScheme)) rest.remove_prefix(kScheme.size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  address.base_path = std::string(rest.substr(slash));
  while (address.base_path.ends_with('/')) address.base_path.pop_back();
  address.authority = std::string(rest.substr(0, slash));
  const size_t colon = address.authority.rfind(':');
  const bool has_port = colon != std::string::npos && address.authority.find(']', colon) == std::string::npos;
  address.host = address.authority.substr(0, has_port ? colon : std::string::npos);
  address.port = has_port ? address.authority.substr(colon + 1) : "8000";
  if (!has_port) address.authority += ":8000";
  if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']')
    address.host = address.host.substr(1, address.host.size() - 2);
  if (address.host.empty() || !is_port(address.port) || !is_plain(rest) || rest.find_first_of("@?#") != std::string_view::npos)
    return invalid(text + " is not a URL such as http://127.0.0.1:8000");
  address.url = std::string(kScheme) + address.authority + address.base_path;
  return address;
}

Result<Endpoint> reach(const Address& address) {
  addrinfo hints{}, *list = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  const int unresolved = getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &list);
  if (unresolved != 0)
    return io_error("the host '" + address.host + "' is not known (" + gai_strerror(unresolved) + "); check the name");
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  int failure = 0;
  for (const addrinfo* found = list; found; found = found->ai_next) {
    failure = try_connect(*found);
    if (failure != 0) continue;
    Endpoint endpoint;
    std::memcpy(&endpoint.storage, found->ai_addr, found->ai_addrlen);
    endpoint.size = found->ai_addrlen;
    return endpoint;
  }
  return io_error("cannot connect to " + address.url + ": " + std::strerror(failure) +
                  "; check that the server runs, that it listens on this address and port, and that no firewall is between");
}

}  // namespace tercel::load
