#include "module/ports.h"

#include <algorithm>

#include "module/errors.h"

namespace tercel::python {

namespace nb = nanobind;

namespace {

std::string names_of(std::span<const Port> ports) {
  std::string names;
  for (const Port& port : ports)
    names += (names.empty() ? "" : ", ") + port.name + " (" + std::string(dtype_name(port.dtype)) + ")";
  return names.empty() ? "none" : names;
}

Error missing(const Port& port, std::span<const Port> ports, const std::string& kind) {
  return invalid(kind + " '" + port.name + "' is missing; the model's " + kind + "s are " + names_of(ports));
}

std::vector<nb::object> by_name(const nb::dict& given, std::span<const Port> ports, const std::string& kind, bool partial) {
  std::vector<nb::object> ordered(ports.size(), nb::none());
  for (const auto [key, value] : given) {
    const auto named = [&, key = key](const Port& port) { return nb::isinstance<nb::str>(key) && key.equal(text(port.name)); };
    const auto port = std::find_if(ports.begin(), ports.end(), named);
    if (port == ports.end())
      raise(invalid("the model has no " + kind + " " + std::string(nb::repr(key).c_str()) + "; its " + kind + "s are " +
                    names_of(ports)));
    ordered[static_cast<size_t>(port - ports.begin())] = nb::borrow(value);
  }
  for (size_t i = 0; i < ports.size() && !partial; ++i)
    if (ordered[i].is_none()) raise(missing(ports[i], ports, kind));
  return ordered;
}

nb::dict dict_of(nb::handle mapping) {
  nb::dict dict;
  dict.update(nb::borrow(mapping));
  return dict;
}

std::vector<nb::object> by_position(const nb::object& given, std::span<const Port> ports, const std::string& kind) {
  std::vector<nb::object> ordered;
  for (nb::handle item : given) ordered.push_back(nb::borrow(item));
  if (ordered.size() != ports.size())
    raise(invalid(std::to_string(ordered.size()) + " " + kind + "s are given where the model has " +
                  std::to_string(ports.size()) + ": " + names_of(ports)));
  return ordered;
}

}  // namespace

std::vector<nb::object> in_order(nb::handle given, std::span<const Port> ports, const char* kind, bool partial) {
  if (partial && given.is_none()) return std::vector<nb::object>(ports.size(), nb::none());
  if (nb::isinstance<nb::dict>(given)) return by_name(nb::borrow<nb::dict>(given), ports, kind, partial);
  if (nb::isinstance<nb::tuple>(given) || nb::isinstance<nb::list>(given)) return by_position(nb::borrow(given), ports, kind);
  if (nb::hasattr(given, "keys")) return by_name(dict_of(given), ports, kind, partial);
  if (ports.size() == 1) return {nb::borrow(given)};
  raise(invalid(std::string(kind) + "s: pass a dict by name, or a list in order, of " + names_of(ports)));
}

}  // namespace tercel::python
