#include <cstdlib>
#include <string_view>

#include "load/clients_file.h"

// What is accepted can be run: a client has a name, a model and a pace. Traces are not followed: they would read files.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.find("trace") != std::string_view::npos) return 0;
  const auto clients = tercel::load::parse_clients(text, "fuzz.toml", ".");
  if (!clients.ok()) return clients.error().message().find("fuzz.toml") == std::string::npos ? std::abort(), 0 : 0;
  for (const auto& client : *clients) {
    if (client.name.empty() || client.model.empty() || client.connections == 0) std::abort();
    if (!client.closed && !(client.arrivals.rate > 0) && !(client.share > 0)) std::abort();
  }
  return 0;
}
