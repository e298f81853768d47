#include "observe/trace/options.h"

#include <algorithm>
#include <charconv>

#include "base/header_text.h"
#include "base/utf8.h"
#include "base/version.h"

namespace tercel::observe::trace {
namespace {

// A set but empty variable counts as not set (OpenTelemetry, "Environment Variable Specification").
std::string_view value_of(const Environment& environment, const char* name) {
  const char* const value = environment(name);
  return value ? trimmed(value) : std::string_view();
}

Error wrong(const char* name, std::string_view value, const std::string& what) {
  return invalid(std::string(name) + " is '" + std::string(value) + "', which is not " + what);
}

std::string text_of(auto number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

template <typename T>
Result<T> number_of(const Environment& environment, const char* name, T otherwise, T least, T most) {
  const auto text = value_of(environment, name);
  if (text.empty()) return otherwise;
  T value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || !(value >= least && value <= most))
    return wrong(name, text, "a number between " + text_of(least) + " and " + text_of(most));
  return value;
}

Result<std::chrono::milliseconds> milliseconds_of(const Environment& environment, const char* name,
                                                  std::chrono::milliseconds otherwise) {
  return std::chrono::milliseconds(TRY(number_of<int>(environment, name, static_cast<int>(otherwise.count()), 1, kTraceMsMax)));
}

Result<SamplerOptions> sampler_of(const Environment& environment) {
  constexpr const char *kName = "OTEL_TRACES_SAMPLER", *kArgument = "OTEL_TRACES_SAMPLER_ARG";
  auto name = value_of(environment, kName);
  SamplerOptions sampler;
  if (name.empty()) return sampler;
  constexpr std::string_view kParentBased = "parentbased_";
  sampler.parent_based = name.starts_with(kParentBased);
  if (sampler.parent_based) name.remove_prefix(kParentBased.size());
  if (name == "always_on") return sampler;
  if (name == "always_off") {
    sampler.ratio = 0;
    return sampler;
  }
  if (name != "traceidratio")
    return wrong(kName, value_of(environment, kName),
                 "one of always_on, always_off, traceidratio, and each of them with parentbased_ in front");
  sampler.ratio = TRY(number_of<double>(environment, kArgument, 1, 0, 1));
  return sampler;
}

Result<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned value = 0;
    const auto digits = text.substr(i + 1, 2);
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != 2 || failure != std::errc() || end != digits.data() + 2) return invalid("a '%' without two hex digits");
    out += static_cast<char>(value);
    i += 2;
  }
  return out;
}

void set(Resource& resource, std::string_view name, std::string value) {
  const auto found = std::find_if(resource.begin(), resource.end(), [&](const auto& item) { return item.first == name; });
  if (found == resource.end()) resource.emplace_back(name, std::move(value));
  else found->second = std::move(value);
}

Result<Resource> resource_of(const Environment& environment) {
  constexpr const char* kName = "OTEL_RESOURCE_ATTRIBUTES";
  Resource resource = {{"service.name", "tercel"},
                       {"telemetry.sdk.name", "tercel"},
                       {"telemetry.sdk.language", "cpp"},
                       {"telemetry.sdk.version", std::string(kVersion)}};
  const auto text = value_of(environment, kName);
  for (auto rest = text; !rest.empty();) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const auto item = trimmed(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (item.empty()) continue;
    const size_t equals = item.find('=');
    const auto value = percent_decoded(trimmed(item.substr(std::min(equals, item.size() - 1) + 1)));
    if (equals == item.npos || equals == 0 || !value.ok() || well_formed_utf8(*value) != *value)
      return wrong(kName, text, "name=value,name=value, with values percent-encoded");
    set(resource, trimmed(item.substr(0, equals)), *value);
    if (resource.size() > kResourceAttributesMax)
      return too_large(std::string(kName) + " has more than " + std::to_string(kResourceAttributesMax) + " attributes");
  }
  const auto service = value_of(environment, "OTEL_SERVICE_NAME");
  if (!service.empty()) set(resource, "service.name", std::string(service));
  return resource;
}

// Empty when there is none.
Result<std::optional<Collector>> collector_of(const Environment& environment) {
  constexpr const char *kOfTraces = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", *kOfAll = "OTEL_EXPORTER_OTLP_ENDPOINT";
  const auto parsed = [](const char* name, const std::string& url) -> Result<std::optional<Collector>> {
    auto collector = parse_collector(url);
    if (!collector.ok()) return collector.error().within(name);
    return std::optional<Collector>(collector.take());
  };
  if (const auto of_traces = value_of(environment, kOfTraces); !of_traces.empty())
    return parsed(kOfTraces, std::string(of_traces));
  std::string url(value_of(environment, kOfAll));
  if (url.empty()) return std::optional<Collector>();
  while (url.ends_with('/')) url.pop_back();
  return parsed(kOfAll, url + "/v1/traces");
}

Result<void> check_protocol(const Environment& environment) {
  for (const char* name : {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"}) {
    const auto value = value_of(environment, name);
    if (value.empty()) continue;
    // Who takes protobuf over HTTP takes JSON at the same address.
    if (value == "http/json" || value == "http/protobuf") return {};
    return wrong(name, value, "http/json: spans go out as OTLP/HTTP in JSON, to a collector's port 4318, say");
  }
  return {};
}

}  // namespace

Result<std::optional<Options>> options_from(const Environment& environment) {
  const auto exporter = value_of(environment, "OTEL_TRACES_EXPORTER");
  if (equals_ignoring_case(value_of(environment, "OTEL_SDK_DISABLED"), "true") || exporter == "none")
    return std::optional<Options>();
  if (!exporter.empty() && exporter != "otlp") return wrong("OTEL_TRACES_EXPORTER", exporter, "otlp or none");
  auto collector = TRY(collector_of(environment));
  if (!collector) return std::optional<Options>();
  TRY(check_protocol(environment));
  Options options;
  options.collector = std::move(*collector);
  options.sampler = TRY(sampler_of(environment));
  options.resource = TRY(resource_of(environment));
  options.queue_max = TRY(number_of<size_t>(environment, "OTEL_BSP_MAX_QUEUE_SIZE", options.queue_max, 2, kTraceQueueMax));
  options.batch_max = TRY(number_of<size_t>(environment, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", options.batch_max, 1, kTraceQueueMax));
  options.batch_max = std::min(options.batch_max, options.queue_max);
  options.delay = TRY(milliseconds_of(environment, "OTEL_BSP_SCHEDULE_DELAY", options.delay));
  options.timeout = TRY(milliseconds_of(environment, "OTEL_EXPORTER_OTLP_TIMEOUT", options.timeout));
  options.timeout = TRY(milliseconds_of(environment, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", options.timeout));
  return std::optional<Options>(std::move(options));
}

}  // namespace tercel::observe::trace
