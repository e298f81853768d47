#include "ops/attributes.h"

#include <algorithm>

namespace tercel::ops {

void Attributes::set(std::string_view name, AttributeValue value) {
  for (Entry& entry : entries_) {
    if (entry.name == name) {
      entry.value = std::move(value);
      return;
    }
  }
  entries_.push_back({std::string(name), std::move(value)});
}

void Attributes::erase(std::string_view name) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.name == name; });
}

const AttributeValue* Attributes::find(std::string_view name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.name == name; });
  return found == entries_.end() ? nullptr : &found->value;
}

int64_t Attributes::get_int(std::string_view name, int64_t otherwise) const {
  const auto* value = get<int64_t>(name);
  return value ? *value : otherwise;
}

float Attributes::get_float(std::string_view name, float otherwise) const {
  const auto* value = get<float>(name);
  return value ? *value : otherwise;
}

std::string_view Attributes::get_string(std::string_view name, std::string_view otherwise) const {
  const auto* value = get<std::string>(name);
  return value ? std::string_view(*value) : otherwise;
}

std::span<const int64_t> Attributes::get_ints(std::string_view name) const {
  const auto* value = get<std::vector<int64_t>>(name);
  return value ? std::span<const int64_t>(*value) : std::span<const int64_t>();
}

std::span<const float> Attributes::get_floats(std::string_view name) const {
  const auto* value = get<std::vector<float>>(name);
  return value ? std::span<const float>(*value) : std::span<const float>();
}

}  // namespace tercel::ops
