#include "cli/serve_options.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/json.h"
#include "platform/cpus.h"
#include "platform/placement.h"

namespace tercel::cli {
namespace {

CLI::Option* in_seconds(CLI::App& app, const std::string& name, std::chrono::milliseconds& target, const std::string& help) {
  const auto set = [&target](double seconds) { target = std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000)); };
  return app.add_option_function<double>(name, set, help)
      ->check(CLI::Range(0.0, 86'400.0))
      ->default_str(std::to_string(target.count() / 1000));
}

// An enumeration by name; `names` in its order.
template <typename E>
CLI::Option* one_of(CLI::App& app, const std::string& flag, E& target, const std::vector<std::string>& names,
                    const std::string& help) {
  const auto set = [&target, names](const std::string& name) {
    target = static_cast<E>(std::find(names.begin(), names.end(), name) - names.begin());
  };
  return app.add_option_function<std::string>(flag, set, help)
      ->check(CLI::IsMember(names))
      ->default_str(names[static_cast<size_t>(target)]);
}

}  // namespace

Result<void> settle(ServeOptions& options) {
  options.server.traces = TRY(observe::trace::options_from([](const char* name) { return std::getenv(name); }));
  auto& executor = options.server.executor;
  if (!options.http_cpus.empty()) options.server.http.cpus = TRY(platform::parse_cpu_list(options.http_cpus));
  if (!options.compute_cpus.empty()) executor.cpus = TRY(platform::parse_cpu_list(options.compute_cpus));
  if (executor.threads == 0)
    executor.threads =
        executor.cpus.empty() ? static_cast<uint32_t>(platform::usable_cpus()) : static_cast<uint32_t>(executor.cpus.size());
  executor.threads = std::min(executor.threads, sched::kSlotsMax);
  options.opener.compute_threads = executor.threads;
  return {};
}

void add_serve_options(CLI::App& app, ServeOptions& all) {
  auto& options = all.server;
  auto& http = options.http;
  app.add_option("--model-repository", options.repository, "folder of models: MODEL/VERSION/model.plan or ladder.toml")
      ->required()
      ->envname("TERCEL_MODEL_REPOSITORY");
  app.add_option("--http-address", http.address, "address to listen on")->capture_default_str()->envname("TERCEL_HTTP_ADDRESS");
  app.add_option("--http-port", http.port, "port to listen on; 0 takes a free one")
      ->capture_default_str()
      ->envname("TERCEL_HTTP_PORT");
  app.add_option("--http-thread-count", http.threads, "I/O threads; 0: half of the usable CPUs")
      ->check(CLI::Range(0, 64))
      ->capture_default_str()
      ->envname("TERCEL_HTTP_THREAD_COUNT");
  app.add_option("--http-cpus", all.http_cpus, "CPUs of the I/O threads, such as 0-1; all where not given")
      ->type_name("LIST")
      ->envname("TERCEL_HTTP_CPUS");
  app.add_option("--compute-threads", options.executor.threads,
                 "threads that compute at once, for all models together; 0: one for each CPU of --compute-cpus, or usable CPU")
      ->check(CLI::Range(0u, sched::kSlotsMax))
      ->capture_default_str()
      ->envname("TERCEL_COMPUTE_THREADS");
  app.add_option("--compute-cpus", all.compute_cpus, "CPUs that models are computed on; all where not given")
      ->type_name("LIST")
      ->envname("TERCEL_COMPUTE_CPUS");
  app.add_option("--queue-max", options.executor.queue_max, "requests that may wait, of all models together")
      ->check(CLI::Range(1u, sched::kQueuedMax))
      ->capture_default_str()
      ->envname("TERCEL_QUEUE_MAX");
  app.add_option("--http-max-input-size", http.limits.body_bytes, "largest request body in bytes")
      ->check(CLI::Range(size_t{1}, size_t{1} << 40))
      ->capture_default_str()
      ->envname("TERCEL_HTTP_MAX_INPUT_SIZE");
  app.add_option("--http-max-memory", http.limits.memory_bytes, "bytes that all bodies and answers may take together")
      ->capture_default_str()
      ->envname("TERCEL_HTTP_MAX_MEMORY");
  app.add_option("--http-max-connections", http.limits.connections, "connections at the same time")
      ->check(CLI::Range(1u, 1u << 20))
      ->capture_default_str()
      ->envname("TERCEL_HTTP_MAX_CONNECTIONS");
  in_seconds(app, "--http-idle-timeout-secs", http.limits.idle, "close a connection without a request after this")
      ->envname("TERCEL_HTTP_IDLE_TIMEOUT_SECS");
  app.add_flag("--triton-metrics", http.triton_metrics,
               "plain /metrics has Triton's nv_* names, too, for dashboards that cannot ask for them with ?names=triton")
      ->envname("TERCEL_TRITON_METRICS");
  app.add_flag("--insecure", options.insecure, "listen on an address beyond this machine without TLS and authorisation");
  in_seconds(app, "--exit-timeout-secs", options.exit_timeout, "how long requests in flight may take after SIGTERM")
      ->envname("TERCEL_EXIT_TIMEOUT_SECS");
  in_seconds(app, "--drain-delay-secs", options.drain_delay, "serve on for this long after SIGTERM, but say not ready")
      ->envname("TERCEL_DRAIN_DELAY_SECS");
  app.add_flag("--lock-memory", all.opener.lock_memory,
               "keep weights and working memory of models in memory (mlock); needs RLIMIT_MEMLOCK (ulimit -l) to allow it")
      ->envname("TERCEL_LOCK_MEMORY");
  one_of<observe::LogFormat>(app, "--log-format", options.log.format, {"auto", "text", "json"},
                             "auto: JSON unless stderr is a terminal")
      ->envname("TERCEL_LOG_FORMAT");
  one_of<observe::LogLevel>(app, "--log-level", options.log.level, {"debug", "info", "warning", "error"},
                            "quieter than this is not logged")
      ->envname("TERCEL_LOG_LEVEL");
  app.footer(
      "Spans of requests go to a collector (OTLP/HTTP) once OTEL_EXPORTER_OTLP_ENDPOINT=http://HOST:4318 is set; also "
      "understood:\n"
      "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER[_ARG],\n"
      "OTEL_BSP_MAX_QUEUE_SIZE, OTEL_BSP_MAX_EXPORT_BATCH_SIZE, OTEL_BSP_SCHEDULE_DELAY, OTEL_EXPORTER_OTLP_TIMEOUT.");
}

void print_listening(const std::string& address, uint16_t port, bool json) {
  const bool is_v6 = address.find(':') != std::string::npos;
  const std::string url = "http://" + (is_v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
  std::string text = "listening on " + url;
  if (json) {
    text.clear();
    JsonWriter(text).begin_object().field("url", url).field("address", address).field("port", port).end_object();
  }
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

}  // namespace tercel::cli
