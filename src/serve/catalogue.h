#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "registry/registry.h"
#include "serve/served.h"

namespace tercel::serve {

// All that is served at one instant, beside the registry's snapshot it was made from. Immutable, any thread.
class Catalogue {
 public:
  // Versions that `previous` already serves keep their executor and statistics.
  static std::shared_ptr<const Catalogue> make(std::shared_ptr<const registry::Snapshot> snapshot, const Catalogue* previous);

  // A ready version: the given one, or the newest ready one. kNotFound: no such model or version; kUnavailable: it is there
  // but not ready, with the reason.
  Result<std::shared_ptr<Served>> find(std::string_view model, std::optional<int64_t> version) const;

  const registry::Snapshot& snapshot() const { return *snapshot_; }
  // Ready versions of one model, ascending; empty for an unknown one.
  const std::vector<std::shared_ptr<Served>>& ready(std::string_view model) const;

 private:
  std::shared_ptr<const registry::Snapshot> snapshot_;
  std::map<std::string, std::vector<std::shared_ptr<Served>>, std::less<>> ready_;
};

}  // namespace tercel::serve
