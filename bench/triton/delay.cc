#include "delay.h"

#include <simdjson.h>
#include <time.h>

#include <algorithm>
#include <charconv>

#include "platform/clock.h"

namespace tercel::bench {
namespace {

constexpr double kLongestUs = 60e6;
// Between two looks at the CPU clock, which is a system call.
constexpr int64_t kLookNs = 2000;

int64_t thread_cpu_ns() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// config.pbtxt has every parameter's value as a string.
template <typename T>
std::string take(std::string_view name, std::string_view text, T high, T& value) {
  T parsed{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (failure != std::errc() || end != text.data() + text.size() || !(parsed >= T{0} && parsed <= high))
    return "the parameter " + std::string(name) + " must be a number from 0 to " + std::to_string(high);
  value = parsed;
  return {};
}

}  // namespace

std::string parse_delay(std::string_view json, Delay& delay) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  simdjson::dom::object parameters;
  if (parser.parse(json).get(document) != simdjson::SUCCESS) return "the configuration is not JSON";
  if (document["parameters"].get(parameters) != simdjson::SUCCESS) return "the configuration has no parameters";
  for (const auto& [name, value] : parameters) {
    std::string_view text;
    std::string wrong;
    if (value["string_value"].get(text) != simdjson::SUCCESS)
      return "the parameter " + std::string(name) + " has no string_value";
    if (name == "us") wrong = take(name, text, kLongestUs, delay.us);
    else if (name == "batch_factor") wrong = take(name, text, 1.0, delay.batch_factor);
    else if (name == "floats_out") wrong = take(name, text, uint64_t{1} << 32, delay.floats_out);
    else wrong = "unknown parameter " + std::string(name) + "; known are us, batch_factor, floats_out";
    if (!wrong.empty()) return wrong;
  }
  return {};
}

void spin(int64_t cpu_ns) {
  const int64_t end = thread_cpu_ns() + cpu_ns;
  for (int64_t left = cpu_ns; left > 0; left = end - thread_cpu_ns()) {
    const int64_t look = platform::now_ns() + std::min(left, kLookNs);
    while (platform::now_ns() < look) continue;
  }
}

}  // namespace tercel::bench
