#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace tercel::load {

inline constexpr size_t kParametersMax = 64;  // of one client's requests

// An entry of a request's "parameters", which a server may take from there: a priority, a time-out. Types matter: Triton takes
// its own only as integers.
struct Parameter {
  std::string name;
  std::variant<bool, int64_t, double, std::string> value;
};

// "priority=1": true and false are booleans, numbers are integers or floats, everything else is text, also in quotes: id="7".
Result<Parameter> parse_parameter(std::string_view text);

// Adds one, or says why not: no name, a second one of that name, a number that JSON cannot have, one that load writes itself.
Result<void> add_parameter(std::vector<Parameter>& parameters, Parameter parameter);

// Into an object that is open.
void write_parameters(JsonWriter& json, const std::vector<Parameter>& parameters);

}  // namespace tercel::load
