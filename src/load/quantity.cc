#include "load/quantity.h"

#include <charconv>
#include <cmath>
#include <cstdio>

namespace tercel::load {
namespace {

struct Unit {
  std::string_view name;
  double ns;
};
constexpr Unit kUnits[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}};

// The number at the front of `text`, which loses it.
Result<double> take_number(std::string_view& text, std::string_view whole) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || !std::isfinite(value))
    return invalid("'" + std::string(whole) + "' does not begin with a number");
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

}  // namespace

Result<int64_t> parse_duration(std::string_view text) {
  std::string_view rest = text;
  const auto value = take_number(rest, text);
  if (value.ok() && *value == 0 && rest.empty()) return int64_t{0};
  for (const Unit& unit : kUnits) {
    if (!value.ok() || rest != unit.name) continue;
    const double ns = *value * unit.ns;
    if (ns < 0 || ns > static_cast<double>(kDurationNsMax))
      return too_large("'" + std::string(text) + "' is not between 0 and 7 days");
    return static_cast<int64_t>(std::llround(ns));
  }
  return invalid("'" + std::string(text) + "' is not a duration such as 250us, 20ms, 1.5s or 2m");
}

Result<double> parse_share(std::string_view text) {
  const bool percent = text.ends_with('%');
  std::string_view rest = percent ? text.substr(0, text.size() - 1) : text;
  const auto value = take_number(rest, text);
  const double share = !value.ok() ? 0 : percent ? *value / 100 : *value;
  if (!rest.empty() || share <= 0 || share > 1)
    return invalid("'" + std::string(text) + "' is not a share such as 99.9% or 0.999");
  return share;
}

Result<double> parse_number(std::string_view text) {
  std::string_view rest = text;
  const double value = TRY(take_number(rest, text));
  if (!rest.empty()) return invalid("'" + std::string(text) + "' is not a number");
  return value;
}

std::string duration_text(int64_t ns) {
  const Unit* unit = ns == 0 ? &kUnits[3] : &kUnits[0];
  for (const Unit& larger : kUnits)
    if (larger.name != "m" && static_cast<double>(ns) >= 0.9995 * larger.ns) unit = &larger;
  const double value = static_cast<double>(ns) / unit->ns;
  char text[48];
  std::snprintf(text, sizeof text, value < 1000 ? "%.3g %s" : "%.0f %s", value, std::string(unit->name).c_str());
  return text;
}

}  // namespace tercel::load
