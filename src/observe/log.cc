#include "observe/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <memory>
#include <string>

#include "base/json.h"

namespace tercel::observe {
namespace {

struct Logging {
  bool json = false;
  LogLevel level = LogLevel::kInfo;
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
};
// Never destroyed: a thread may still be inside log() while the process ends.
Logging& logging() {
  static Logging* const instance = new Logging;
  return *instance;
}
std::atomic<bool> active{false};

constexpr std::string_view level_name(LogLevel level) {
  constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};
  return kNames[static_cast<size_t>(level)];
}

// RFC 3339 in UTC with microseconds. Wall-clock time: a log line is read beside those of other machines.
std::string timestamp() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count();
  const std::time_t seconds = us / 1'000'000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[40];
  const size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text + length, sizeof text - length, ".%06dZ", static_cast<int>(us % 1'000'000));
  return text;
}

std::string json_line(LogLevel level, std::string_view component, std::string_view message,
                      std::initializer_list<LogField> fields) {
  std::string line;
  JsonWriter json(line);
  json.begin_object()
      .field("ts", timestamp())
      .field("level", level_name(level))
      .field("msg", message)
      .field("component", component);
  for (const auto& [name, value] : fields)
    if (!value.empty()) json.field(name, value);
  json.end_object();
  return line;
}

std::string text_line(LogLevel level, std::string_view component, std::string_view message,
                      std::initializer_list<LogField> fields) {
  std::string line = timestamp();
  line.append(" ").append(level_name(level)).append(" ").append(component).append(": ");
  const auto append_escaped = [&](std::string_view text) {
    for (const char c : text) line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  };
  append_escaped(message);
  for (const auto& [name, value] : fields) {
    if (value.empty()) continue;
    line.append(" ").append(name).append("=");
    append_escaped(value);
  }
  return line;
}

}  // namespace

void start_logging(const LogOptions& options) {
  if (active.load()) return;
  Logging& log = logging();
  log.json = options.format == LogFormat::kJson || (options.format == LogFormat::kAuto && !isatty(STDERR_FILENO));
  log.level = options.level;
  log.pool = std::make_shared<spdlog::details::thread_pool>(kLogQueueMax, 1);
  log.logger = std::make_shared<spdlog::async_logger>("tercel", std::make_shared<spdlog::sinks::stderr_sink_mt>(), log.pool,
                                                      spdlog::async_overflow_policy::overrun_oldest);
  log.logger->set_pattern("%v");
  active.store(true, std::memory_order_release);
}

void stop_logging() {
  if (!active.exchange(false)) return;
  logging().pool.reset();  // its destructor writes what is queued
}

void log(LogLevel level, std::string_view component, std::string_view message, std::initializer_list<LogField> fields) {
  if (!active.load(std::memory_order_acquire) || level < logging().level) return;
  const auto line = logging().json ? json_line(level, component, message, fields) : text_line(level, component, message, fields);
  logging().logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

uint64_t log_lines_dropped() { return active.load(std::memory_order_acquire) ? logging().pool->overrun_counter() : 0; }

}  // namespace tercel::observe
