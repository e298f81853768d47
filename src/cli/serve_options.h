#pragma once

#include <CLI/CLI.hpp>

#include "registry/plan_opener.h"
#include "transport/http/run_server.h"

namespace tercel::cli {

// What the flags say that `tercel serve` and `tercel-serve` share.
struct ServeOptions {
  transport::http::ServerOptions server;
  registry::OpenerOptions opener;
  std::string http_cpus, compute_cpus;  // as given
};

// Adds them; `options` outlives the parsing. Each has an environment variable (TERCEL_HTTP_PORT for --http-port).
void add_serve_options(CLI::App& app, ServeOptions& options);

// Once they are parsed: reads what was only text, and what is said in variables of others' standards (OTEL_*, see
// src/observe/trace/options.h), and settles what was left open. An error names the option or the variable.
Result<void> settle(ServeOptions& options);

// What is printed on stdout once the server listens: a line, or with `json` one JSON object.
void print_listening(const std::string& address, uint16_t port, bool json);

}  // namespace tercel::cli
