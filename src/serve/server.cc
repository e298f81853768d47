#include "serve/server.h"

namespace tercel::serve {

Result<std::unique_ptr<Server>> Server::open(const std::string& repository, registry::Opener opener,
                                             const ExecutorOptions& options) {
  auto registry = TRY(registry::Registry::open(repository, std::move(opener)));
  return std::unique_ptr<Server>(new Server(std::move(registry), options));
}

Server::Server(std::unique_ptr<registry::Registry> registry, const ExecutorOptions& options)
    : executor_(options), registry_(std::move(registry)) {
  refresh();
}

std::shared_ptr<const Catalogue> Server::catalogue() const {
  const std::lock_guard lock(catalogue_mutex_);
  return catalogue_;
}

Result<void> Server::load(const std::string& model) {
  TRY(registry_->load(model));
  refresh();
  return {};
}

Result<void> Server::unload(const std::string& model) {
  TRY(registry_->unload(model));
  refresh();
  return {};
}

void Server::refresh() {
  const std::lock_guard one_at_a_time(changing_);
  const auto previous = catalogue();
  auto next = Catalogue::make(registry_->snapshot(), previous.get(), executor_);
  {
    const std::lock_guard lock(catalogue_mutex_);
    catalogue_ = std::move(next);  // `previous` still holds the old one: nothing is torn down under the lock
  }
  reservations_.keep_only(*catalogue());
}

Result<std::shared_ptr<Reservation>> Server::reserve(std::string_view model, std::optional<int64_t> version,
                                                     const ReservationWish& wish, int64_t now_ns, sched::ReservationTest& test) {
  auto made = TRY(reservations_.reserve(TRY(find(model, version)), wish, now_ns, test));
  // A version that went meanwhile may have gone before the reservation could be seen.
  reservations_.keep_only(*catalogue());
  TRY(reservations_.find(made->id, now_ns));
  return made;
}

bool Server::is_ready() const {
  if (is_draining()) return false;
  const auto now = catalogue();
  if (now->snapshot().models.empty()) return true;
  for (const auto& [name, model] : now->snapshot().models)
    if (!now->ready(name).empty()) return true;
  return false;
}

}  // namespace tercel::serve
