#pragma once

#include <memory>

#include "registry/registry.h"
#include "serve/executor.h"
#include "serve/statistics.h"

namespace tercel::serve {

// A ready version with what it takes to serve it. Shared by the catalogue and by the requests in flight; the last of them
// lets it go, never on one of its executor's threads.
struct Served {
  explicit Served(std::shared_ptr<const registry::Version> ready)
      : version(std::move(ready)), executor(version->settings.queue_max, version->opened.instances, version->opened.compute_ns) {}

  const request::Signature& signature() const { return version->opened.signature; }

  const std::shared_ptr<const registry::Version> version;
  Statistics statistics;
  Executor executor;
};

}  // namespace tercel::serve
