#include "transport/http/run_server.h"

#include <unistd.h>

#include <boost/asio/ip/address.hpp>
#include <csignal>
#include <thread>

#include "base/version.h"
#include "observe/trace/tracer.h"

namespace tercel::transport::http {
namespace {

using observe::LogLevel;

inline constexpr std::string_view kComponent = "server";
inline constexpr std::chrono::milliseconds kPoll{20};

// SIGTERM and SIGINT, blocked for this and every later thread, so that wait() is the one place that gets them.
class EndSignals {
 public:
  EndSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  ~EndSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;

  void wait() const {
    int received = 0;
    while (sigwait(&set_, &received) != 0) {}
  }
  // True when one comes within that time.
  bool wait_for(std::chrono::milliseconds time) const {
    const timespec limit{time.count() / 1000, time.count() % 1000 * 1'000'000};
    return sigtimedwait(&set_, nullptr, &limit) > 0;
  }

 private:
  sigset_t set_, before_;
};

struct Logging {
  explicit Logging(const observe::LogOptions& options) { observe::start_logging(options); }
  ~Logging() { observe::stop_logging(); }
};

Result<void> check_exposure(const ServerOptions& options) {
  boost::system::error_code failure;
  const auto address = boost::asio::ip::make_address(options.http.address, failure);
  if (failure || address.is_loopback()) return {};  // a wrong address is HttpServer's to explain
  if (!options.insecure) {
    return invalid("listening on " + options.http.address +
                   " would let anybody on the network use the models: there is no TLS and no "
                   "authorisation yet. Listen on 127.0.0.1, or say --insecure if the network is trusted");
  }
  observe::log(LogLevel::kWarning, kComponent, "listening beyond this machine without TLS and authorisation, as --insecure asks",
               {{"address", options.http.address}});
  return {};
}

// True when everything in flight was answered in time.
bool drain(serve::Server& server, HttpServer& http, const ServerOptions& options, const EndSignals& signals) {
  server.drain();
  if (options.drain_delay.count() > 0 && signals.wait_for(options.drain_delay)) return false;
  http.drain();
  const int64_t end_ns = platform::now_ns() + std::chrono::duration_cast<std::chrono::nanoseconds>(options.exit_timeout).count();
  while (!http.wait_until_idle(kPoll)) {
    if (platform::now_ns() >= end_ns || signals.wait_for(std::chrono::milliseconds(0))) return false;
  }
  return true;
}

}  // namespace

Result<void> run_server(const ServerOptions& options) {
  const EndSignals signals;
  const Logging logging(options.log);
  TRY(check_exposure(options));
  const auto server = TRY(serve::Server::open(options.repository, options.opener, options.executor));
  const auto tracer = options.traces ? std::make_unique<observe::trace::Tracer>(*options.traces) : nullptr;
  HttpOptions http_options = options.http;
  http_options.tracer = tracer.get();
  const auto http = TRY(HttpServer::start(*server, http_options));
  const auto port = std::to_string(http->port());
  const auto models = std::to_string(server->catalogue()->snapshot().models.size());
  observe::log(LogLevel::kInfo, kComponent, "listening",
               {{"address", options.http.address}, {"port", port}, {"models", models}, {"version", kVersion}});
  if (tracer) observe::log(LogLevel::kInfo, kComponent, "spans are sent", {{"url", options.traces->collector.url}});
  if (!server->is_ready()) observe::log(LogLevel::kError, kComponent, "no model of the repository could be loaded", {});
  if (options.on_listening) options.on_listening(options.http.address, http->port());
  signals.wait();
  observe::log(LogLevel::kInfo, kComponent, "shutting down", {});
  if (drain(*server, *http, options, signals)) {
    observe::log(LogLevel::kInfo, kComponent, "all requests are answered", {});
    return {};
  }
  observe::log(LogLevel::kWarning, kComponent, "requests that are still in flight are cut off", {});
  if (tracer) tracer->stop();
  observe::stop_logging();
  _exit(0);  // a model may compute for as long as it likes: nothing here may wait for it
}

}  // namespace tercel::transport::http
