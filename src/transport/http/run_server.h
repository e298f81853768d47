#pragma once

#include <functional>
#include <optional>
#include <string>

#include "observe/log.h"
#include "observe/trace/options.h"
#include "transport/http/http_server.h"

namespace tercel::transport::http {

struct ServerOptions {
  std::string repository;
  registry::Opener opener;  // how a version is opened: registry::plan_opener()
  serve::ExecutorOptions executor;
  HttpOptions http;
  bool insecure = false;                           // listen beyond this machine although there is neither TLS nor authorisation
  std::chrono::milliseconds drain_delay{0};        // not ready, but still serving: time for load balancers to notice
  std::chrono::milliseconds exit_timeout{30'000};  // then what is still in flight is cut off
  observe::LogOptions log;
  std::optional<observe::trace::Options> traces;                                // where spans go; nothing: nowhere
  std::function<void(const std::string& address, uint16_t port)> on_listening;  // called once it serves
};

// Loads the models, serves until SIGTERM or SIGINT, drains and returns. A second signal ends the draining at once. Call from
// main, before other threads are started: they would get the signals.
Result<void> run_server(const ServerOptions& options);

}  // namespace tercel::transport::http
