#include "load/arrivals.h"

#include <cmath>
#include <fstream>
#include <iterator>

#include "load/quantity.h"

namespace tercel::load {
namespace {

constexpr std::string_view kTracePrefix = "trace:", kOnOffPrefix = "on-off:";

Result<std::vector<int64_t>> read_trace(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return io_error(path + ": the trace cannot be read");
  if (file.tellg() < 0 || static_cast<uint64_t>(file.tellg()) > kTraceFileBytesMax)
    return too_large(path + ": a trace has at most " + std::to_string(kTraceFileBytesMax) + " bytes");
  file.seekg(0);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  return parse_trace(text, path);
}

Result<void> parse_on_off(std::string_view text, ArrivalOptions& options) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return invalid("bursts are written on-off:ON/OFF, such as on-off:100ms/400ms");
  options.on_ns = TRY(parse_duration(text.substr(0, slash)));
  options.off_ns = TRY(parse_duration(text.substr(slash + 1)));
  if (options.on_ns == 0) return invalid("a burst must last longer than 0");
  return {};
}

std::string_view without_spaces(std::string_view line) {
  line = line.substr(0, line.find('#'));
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r')) line.remove_suffix(1);
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  return line;
}

}  // namespace

Result<ArrivalOptions> parse_arrivals(std::string_view text) {
  ArrivalOptions options;
  options.text = std::string(text);
  if (text == "poisson") return options;
  if (text == "constant") {
    options.process = Process::kConstant;
  } else if (text == "on-off" || text.starts_with(kOnOffPrefix)) {
    options.process = Process::kOnOff;
    if (text != "on-off") TRY(parse_on_off(text.substr(kOnOffPrefix.size()), options));
  } else if (text.starts_with(kTracePrefix)) {
    options.process = Process::kTrace;
    options.trace = std::make_shared<const std::vector<int64_t>>(TRY(read_trace(std::string(text.substr(kTracePrefix.size())))));
  } else {
    return invalid("arrivals '" + std::string(text) + "': known are poisson, constant, on-off, on-off:ON/OFF and trace:FILE");
  }
  return options;
}

Result<std::vector<int64_t>> parse_trace(std::string_view text, const std::string& file) {
  std::vector<int64_t> trace;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = without_spaces(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    const std::string where = file + " line " + std::to_string(number);
    const auto seconds = parse_number(line);
    if (!seconds.ok() || *seconds < 0 || *seconds > static_cast<double>(kDurationNsMax) / 1e9)
      return invalid(where + ": '" + std::string(line.substr(0, 40)) + "' is not a number of seconds between 0 and 7 days");
    const auto ns = static_cast<int64_t>(std::llround(*seconds * 1e9));
    if (!trace.empty() && ns < trace.back())
      return invalid(where + ": the time lies before that of the line above; sort the trace");
    if (trace.size() == kTraceArrivalsMax)
      return too_large(file + ": a trace has at most " + std::to_string(kTraceArrivalsMax) + " requests");
    trace.push_back(ns);
  }
  if (trace.empty()) return invalid(file + ": the trace has no request; it holds one number of seconds a line");
  return trace;
}

Arrivals::Arrivals(ArrivalOptions options, uint64_t seed) : options_(std::move(options)), random_(seed) {
  check(options_.process == Process::kTrace ? options_.trace != nullptr : options_.rate > 0, "a schedule has a rate or a trace");
}

double Arrivals::exponential_ns(double rate) {
  const double uniform = static_cast<double>(random_() >> 11) * 0x1p-53;  // below 1
  return -std::log1p(-uniform) / rate * 1e9;
}

std::optional<int64_t> Arrivals::next() {
  switch (options_.process) {
    case Process::kPoisson: time_ns_ += exponential_ns(options_.rate); return static_cast<int64_t>(time_ns_);
    case Process::kConstant: return static_cast<int64_t>(static_cast<double>(made_++) / options_.rate * 1e9);
    case Process::kOnOff: {
      // A Poisson process in the time that counts only bursts, whose pauses are put back in afterwards.
      const double period = static_cast<double>(options_.on_ns + options_.off_ns), on = static_cast<double>(options_.on_ns);
      time_ns_ += exponential_ns(options_.rate * period / on);
      const double bursts = std::floor(time_ns_ / on);
      return static_cast<int64_t>(bursts * period + (time_ns_ - bursts * on));
    }
    case Process::kTrace: break;
  }
  if (made_ == options_.trace->size()) return std::nullopt;
  return (*options_.trace)[made_++];
}

}  // namespace tercel::load
