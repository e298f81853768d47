#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "load/options.h"

namespace tercel::load {

inline constexpr size_t kClientsFileBytesMax = 1 << 20;  // of a --clients file

// Several clients in one TOML file:
//   [[client]]
//   name = "interactive"           # in the report; needed
//   model = "mlp"                  # needed
//   version = "3"                  # as the server calls it
//   class = "hard"                 # guaranteed, hard, soft or bulk
//   deadline = "20ms"
//   reservation = "auto"           # of class guaranteed: made from rate and deadline (or an ID that was reserved before)
//   rate = 100                     # requests a second, or instead:
//   share = 0.3                    # of --rate
//   arrivals = "poisson"           # constant, on-off, on-off:100ms/400ms, trace:FILE, or closed
//   connections = 64               # open: at most (512 when absent); closed: exactly (1)
//   shape = "x=1x784"              # or a list
//   inputs = "samples.npz"         # "random" when absent
//   parameters = { priority = 1 }  # of each request, as JSON: booleans, integers, floats and strings
// Unknown keys, wrong types and values out of range are errors with the line. Paths are relative to `folder`.
Result<std::vector<ClientOptions>> parse_clients(std::string_view toml, const std::string& file, const std::string& folder);
Result<std::vector<ClientOptions>> read_clients(const std::string& path);

// The class, or an error that lists the classes.
Result<std::string> parse_class(std::string_view text);

}  // namespace tercel::load
