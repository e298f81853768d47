#include "cli/serve_options.h"

#include <cstdio>
#include <map>

#include "base/json.h"

namespace tercel::cli {
namespace {

CLI::Option* in_seconds(CLI::App& app, const std::string& name, std::chrono::milliseconds& target, const std::string& help) {
  const auto set = [&target](double seconds) { target = std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000)); };
  return app.add_option_function<double>(name, set, help)
      ->check(CLI::Range(0.0, 86'400.0))
      ->default_str(std::to_string(target.count() / 1000));
}

}  // namespace

void add_serve_options(CLI::App& app, transport::http::ServerOptions& options) {
  auto& http = options.http;
  app.add_option("--model-repository", options.repository, "folder of models: MODEL/VERSION/model.plan")
      ->required()->envname("TERCEL_MODEL_REPOSITORY");
  app.add_option("--http-address", http.address, "address to listen on")->capture_default_str()->envname("TERCEL_HTTP_ADDRESS");
  app.add_option("--http-port", http.port, "port to listen on; 0 takes a free one")->capture_default_str()->envname("TERCEL_HTTP_PORT");
  app.add_option("--http-thread-count", http.threads, "I/O threads; 0: half of the usable CPUs")
      ->check(CLI::Range(0, 64))->capture_default_str()->envname("TERCEL_HTTP_THREAD_COUNT");
  app.add_option("--http-max-input-size", http.limits.body_bytes, "largest request body in bytes")
      ->check(CLI::Range(size_t{1}, size_t{1} << 40))->capture_default_str()->envname("TERCEL_HTTP_MAX_INPUT_SIZE");
  app.add_option("--http-max-memory", http.limits.memory_bytes, "bytes that all bodies and answers may take together")
      ->capture_default_str()->envname("TERCEL_HTTP_MAX_MEMORY");
  app.add_option("--http-max-connections", http.limits.connections, "connections at the same time")
      ->check(CLI::Range(1u, 1u << 20))->capture_default_str()->envname("TERCEL_HTTP_MAX_CONNECTIONS");
  in_seconds(app, "--http-idle-timeout-secs", http.limits.idle, "close a connection without a request after this")
      ->envname("TERCEL_HTTP_IDLE_TIMEOUT_SECS");
  app.add_flag("--insecure", options.insecure, "listen on an address beyond this machine without TLS and authorisation");
  in_seconds(app, "--exit-timeout-secs", options.exit_timeout, "how long requests in flight may take after SIGTERM")
      ->envname("TERCEL_EXIT_TIMEOUT_SECS");
  in_seconds(app, "--drain-delay-secs", options.drain_delay, "serve on for this long after SIGTERM, but say not ready")
      ->envname("TERCEL_DRAIN_DELAY_SECS");
  const std::map<std::string, observe::LogFormat> formats{
      {"auto", observe::LogFormat::kAuto}, {"text", observe::LogFormat::kText}, {"json", observe::LogFormat::kJson}};
  app.add_option("--log-format", options.log.format, "auto (JSON unless stderr is a terminal), text or json")
      ->transform(CLI::CheckedTransformer(formats))->envname("TERCEL_LOG_FORMAT");
  const std::map<std::string, observe::LogLevel> levels{{"debug", observe::LogLevel::kDebug}, {"info", observe::LogLevel::kInfo},
                                                        {"warning", observe::LogLevel::kWarning}, {"error", observe::LogLevel::kError}};
  app.add_option("--log-level", options.log.level, "debug, info, warning or error")
      ->transform(CLI::CheckedTransformer(levels))->envname("TERCEL_LOG_LEVEL");
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
