#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "load/address.h"
#include "load/arrivals.h"
#include "load/parameters.h"

namespace tercel::load {

inline constexpr size_t kClientsMax = 256;                // clients of one run
inline constexpr uint32_t kClientConnectionsMax = 16384;  // connections of one client

// When nothing else is said. Connections are opened when they are needed, so many cost a prompt server nothing; too few would
// hold requests back that a slow one should get to see.
inline constexpr uint32_t kOpenConnections = 512, kClosedConnections = 1;

// A client's reservation that is made before the run, from its rate and deadline, and released after it.
inline constexpr std::string_view kReserveFirst = "auto";

// One kind of user: what it asks for, how often, and over how many connections.
struct ClientOptions {
  std::string name = "default";
  std::string model, version;  // no version: the server chooses
  std::string latency_class;   // goes out as x-tercel-class
  std::string reservation;     // goes out as x-tercel-reservation, in place of class and deadline; kReserveFirst: one is made
  int64_t deadline_ns = 0;     // from the intended start; 0: none. What is left of it goes out as x-tercel-deadline-us
  bool closed = false;         // each connection asks again as soon as it was answered; else open, by `arrivals`
  ArrivalOptions arrivals;
  double share = 0;                         // of the rate of the whole run, in place of a rate of its own; 0: not given
  uint32_t connections = kOpenConnections;  // open: at most so many; closed: exactly so many
  std::vector<std::string> shapes;          // "x=1x784"
  std::string inputs;                       // a .npz; none: random contents
  std::vector<Parameter> parameters;        // in the JSON of every request
};

// One run against one server.
struct LoadOptions {
  Address address;
  std::string headers;  // for every request, each line ended by CRLF
  std::vector<ClientOptions> clients;
  int64_t duration_ns = 10'000'000'000;  // that is measured
  int64_t warmup_ns = 1'000'000'000;     // before it, with the same load
  int64_t timeout_ns = 10'000'000'000;   // of one request, from its intended start
  uint64_t seed = 1;
};

}  // namespace tercel::load
