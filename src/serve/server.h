#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "registry/registry.h"
#include "serve/catalogue.h"
#include "serve/flight_recorder.h"
#include "serve/reservations.h"

namespace tercel::serve {

// Everything behind the transports: the registry and what is served from it. Any thread.
class Server {
 public:
  // Loads the repository. Fails when it can't be read; a broken model in it is only not ready.
  static Result<std::unique_ptr<Server>> open(const std::string& repository, registry::Opener opener,
                                              const ExecutorOptions& options = {});

  std::shared_ptr<const Catalogue> catalogue() const;
  Result<std::shared_ptr<Served>> find(std::string_view model, std::optional<int64_t> version) const {
    return catalogue()->find(model, version);
  }

  // Loads or unloads one model and serves the outcome. Slow: never on a thread that answers requests.
  Result<void> load(const std::string& model);
  Result<void> unload(const std::string& model);

  // Reserves capacity with a version as find() gives it; see Reservations::reserve.
  Result<std::shared_ptr<Reservation>> reserve(std::string_view model, std::optional<int64_t> version,
                                               const ReservationWish& wish, int64_t now_ns, sched::ReservationTest& test);
  Reservations& reservations() { return reservations_; }

  FlightRecorder& flights() { return flights_; }
  Executor& executor() { return executor_; }

  // Ready: at least one model serves, or the repository is empty, and the server is not draining.
  bool is_ready() const;
  // From now on not ready; what is in flight goes on.
  void drain() { draining_.store(true); }
  bool is_draining() const { return draining_.load(); }

 private:
  Server(std::unique_ptr<registry::Registry> registry, const ExecutorOptions& options);
  void refresh();

  Executor executor_;  // outlives what is served
  Reservations reservations_;

  const std::unique_ptr<registry::Registry> registry_;
  std::mutex changing_;                 // one refresh at a time
  mutable std::mutex catalogue_mutex_;  // held for a pointer copy
  std::shared_ptr<const Catalogue> catalogue_;
  std::atomic<bool> draining_{false};
  FlightRecorder flights_;
};

}  // namespace tercel::serve
