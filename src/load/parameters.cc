#include "load/parameters.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace tercel::load {
namespace {

constexpr std::string_view kOwn = "binary_data_output";

template <typename T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<Parameter> parse_parameter(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return invalid("parameter '" + std::string(text) + "' is not NAME=VALUE, such as priority=1");
  Parameter parameter{std::string(text.substr(0, equals)), {}};
  const std::string_view value = text.substr(equals + 1);
  if (value == "true" || value == "false") parameter.value = value == "true";
  else if (const auto integer = number<int64_t>(value)) parameter.value = *integer;
  else if (const auto real = number<double>(value); real && std::isfinite(*real)) parameter.value = *real;
  else if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    parameter.value = std::string(value.substr(1, value.size() - 2));
  else parameter.value = std::string(value);
  return parameter;
}

Result<void> add_parameter(std::vector<Parameter>& parameters, Parameter parameter) {
  const std::string who = "parameter '" + parameter.name + "'";
  if (parameter.name.empty()) return invalid("a parameter needs a name");
  if (parameter.name == kOwn) return invalid(who + " is always sent: answers are wanted as binary tensors");
  if (std::any_of(parameters.begin(), parameters.end(), [&](const Parameter& other) { return other.name == parameter.name; }))
    return invalid(who + " is given twice");
  if (const auto* real = std::get_if<double>(&parameter.value); real && !std::isfinite(*real))
    return invalid(who + " is not a finite number, which JSON cannot have");
  if (parameters.size() == kParametersMax) return invalid("more than " + std::to_string(kParametersMax) + " parameters");
  parameters.push_back(std::move(parameter));
  return {};
}

void write_parameters(JsonWriter& json, const std::vector<Parameter>& parameters) {
  for (const Parameter& parameter : parameters)
    std::visit([&](const auto& value) { json.field(parameter.name, value); }, parameter.value);
}

}  // namespace tercel::load
