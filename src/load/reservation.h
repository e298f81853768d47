#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "load/http_get.h"
#include "load/options.h"

namespace tercel::load {

inline constexpr size_t kReservationIdBytesMax = 64;  // of an id that a server may give, or a user

// What is asked for; microseconds. 0 of lease_s: as the server likes.
struct ReservationWish {
  std::string model, version;
  int64_t period_us = 0, deadline_us = 0, jitter_us = 0, rows = 1, lease_s = 0;
};

// A reservation as the server tells of it.
struct ReservationReport {
  std::string id, model, version;
  int64_t period_us = 0, deadline_us = 0, jitter_us = 0, rows = 1;
  int64_t measured_us = 0;  // the longest of so many runs, of which some were preempted
  uint64_t runs = 0, preempted = 0;
  int64_t worst_us = 0;  // as what each request is counted
  double margin = 0;     // of it, over what was measured
  int64_t blocking_us = 0, transit_us = 0, lease_s = 0;
  uint64_t served = 0, policed = 0, missed = 0;
};

// A server and how it is asked.
struct ServerAccess {
  const Address& address;
  const Endpoint& endpoint;
  std::string headers;  // lines with their CRLF
};

// What the server said: its JSON, and what was understood of it. Refused: with the server's sentence; kExhausted where the
// reservation does not fit.
struct ReservationAnswer {
  std::string json;
  std::vector<ReservationReport> reservations;
};
Result<ReservationAnswer> reserve(const ServerAccess& server, const ReservationWish& wish);
Result<ReservationAnswer> list_reservations(const ServerAccess& server);
Result<ReservationAnswer> release_reservation(const ServerAccess& server, const std::string& id);

// One reservation in a JSON document, or the list under "reservations".
Result<std::vector<ReservationReport>> parse_reservations(std::string_view json);

// What must, and must not, stand beside a client's reservation; the message goes on from the client's name.
Result<void> check_reservation(const ClientOptions& client);

// The reservations that a run's clients ask for with kReserveFirst. Makes them, puts their ids into the clients, and releases
// them when it goes.
class RunReservations {
 public:
  explicit RunReservations(const ServerAccess& server) : server_(server) {}
  ~RunReservations();
  RunReservations(const RunReservations&) = delete;
  RunReservations& operator=(const RunReservations&) = delete;

  Result<void> make(std::vector<ClientOptions>& clients);

 private:
  const ServerAccess server_;
  std::vector<std::string> made_;
};

}  // namespace tercel::load
