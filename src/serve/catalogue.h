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
  // Versions that `previous` already serves keep their place and their statistics. One that the executor cannot schedule is not
  // ready, with the reason.
  static std::shared_ptr<const Catalogue> make(std::shared_ptr<const registry::Snapshot> snapshot, const Catalogue* previous,
                                               Executor& executor);

  // A ready version: the given one, or the newest ready one. kNotFound: no such model or version; kUnavailable: it is there
  // but not ready, with the reason.
  Result<std::shared_ptr<Served>> find(std::string_view model, std::optional<int64_t> version) const;

  const registry::Snapshot& snapshot() const { return *snapshot_; }
  // Why a version that could be loaded does not serve all the same; empty where it does.
  const std::string& refusal(const registry::Version& version) const;
  // Ready versions of one model, ascending; empty for an unknown one.
  const std::vector<std::shared_ptr<Served>>& ready(std::string_view model) const;

 private:
  std::shared_ptr<const registry::Snapshot> snapshot_;
  std::map<std::string, std::vector<std::shared_ptr<Served>>, std::less<>> ready_;
  std::map<const registry::Version*, std::string> refused_;  // by the executor: why
};

}  // namespace tercel::serve
