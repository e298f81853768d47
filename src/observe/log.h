#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace tercel::observe {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarning, kError };
enum class LogFormat : uint8_t { kAuto, kText, kJson };  // auto: text on a terminal, JSON otherwise

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kAuto;
};

// How many lines wait for stderr at most. Past it the oldest is dropped and counted: a request thread never blocks.
inline constexpr size_t kLogQueueMax = 4096;

using LogField = std::pair<std::string_view, std::string_view>;

// Starts the writer thread; call once, from main. Without it, lines go nowhere (libraries and tests stay quiet).
void start_logging(const LogOptions& options);
// Writes what is queued and stops the thread. Call when no other thread logs any more.
void stop_logging();

// One line: {"ts":"...","level":"info","msg":...,"component":...,<fields>}. Control characters are escaped; a field without a
// value is left out. Any thread.
void log(LogLevel level, std::string_view component, std::string_view message, std::initializer_list<LogField> fields = {});
uint64_t log_lines_dropped();

}  // namespace tercel::observe
