#include "registry/settings.h"

#include <algorithm>

#include "registry/toml_file.h"

namespace tercel::registry {
namespace {

Result<int64_t> integer(const toml::node& node, const std::string& file, const std::string& key, int64_t low, int64_t high) {
  const auto value = node.value_exact<int64_t>();
  if (value && *value >= low && *value <= high) return *value;
  return at(file, node.source(), "'" + key + "' must be an integer from " + std::to_string(low) + " to " + std::to_string(high));
}

// Calls apply(key, node) for each key of a table, which names it as "table.key".
template <typename Apply>
Result<void> for_each_key(const toml::node& node, const std::string& file, const std::string& name, Apply apply) {
  const auto* table = node.as_table();
  if (!table) return at(file, node.source(), "'" + name + "' must be a table: [" + name + "]");
  for (const auto& [key, value] : *table) TRY(apply(name + "." + std::string(key.str()), value));
  return {};
}

Result<VersionPolicy> versions(const toml::node& node, const std::string& file) {
  VersionPolicy policy;
  if (const auto name = node.value_exact<std::string>()) {
    if (*name == "latest") return policy;
    if (*name == "all") {
      policy.kind = VersionPolicy::Kind::kAll;
      return policy;
    }
  }
  const auto* list = node.as_array();
  if (!list || list->empty())
    return at(file, node.source(), "'versions' must be \"latest\", \"all\" or a list of numbers such as [1, 3]");
  policy.kind = VersionPolicy::Kind::kSpecific;
  for (const auto& item : *list) policy.specific.push_back(TRY(integer(item, file, "versions", 0, INT64_MAX)));
  std::sort(policy.specific.begin(), policy.specific.end());
  return policy;
}

Result<std::vector<std::string>> strings(const toml::node& node, const std::string& file, const std::string& key) {
  std::vector<std::string> texts;
  if (const auto one = node.value_exact<std::string>()) return std::vector<std::string>{*one};
  const auto* list = node.as_array();
  if (!list) return at(file, node.source(), "'" + key + "' must be a string or a list of strings");
  for (const auto& item : *list) {
    const auto text = item.value_exact<std::string>();
    if (!text) return at(file, item.source(), "'" + key + "' must hold only strings");
    texts.push_back(*text);
  }
  return texts;
}

Result<request::Class> class_named(const toml::node& node, const std::string& file, const std::string& key) {
  const auto name = node.value_exact<std::string>();
  const auto known = name ? request::class_of(*name) : std::nullopt;
  if (known) return *known;
  return at(file, node.source(), "'" + key + "' must be \"guaranteed\", \"hard\", \"soft\" or \"bulk\"");
}

Result<void> apply_deadline(request::TimePolicy& time, const std::string& name, const toml::node& node, const std::string& file) {
  if (name == "deadline.default_us") {
    time.default_us = TRY(integer(node, file, name, 0, request::kDeadlineUsMax));
  } else if (name == "deadline.max_us") {
    time.max_us = TRY(integer(node, file, name, 1, request::kDeadlineUsMax));
  } else if (name == "deadline.class") {
    time.default_class = TRY(class_named(node, file, name));
    if (time.default_class == request::Class::kGuaranteed)
      return at(file, node.source(), "'deadline.class' cannot be \"guaranteed\": that takes a reservation");
  } else if (name == "deadline.classes") {
    const auto* list = node.as_array();
    if (!list || list->empty()) return at(file, node.source(), "'deadline.classes' must be a list such as [\"hard\", \"soft\"]");
    time.grants.fill(false);
    for (const auto& item : *list) time.grants[static_cast<size_t>(TRY(class_named(item, file, name)))] = true;
  } else {
    return unknown(node, file, name, "default_us, max_us, class, classes");
  }
  return {};
}

Result<request::TimePolicy> deadline(const toml::node& node, const std::string& file) {
  request::TimePolicy time;
  TRY(for_each_key(node, file, "deadline",
                   [&](const std::string& key, const toml::node& value) { return apply_deadline(time, key, value, file); }));
  if (time.default_us > time.max_us) return at(file, node.source(), "deadline.default_us is longer than deadline.max_us");
  if (time.default_class == request::Class::kHard && time.default_us == 0)
    return at(file, node.source(), "deadline.class is hard, which needs a deadline: set deadline.default_us too");
  return time;
}

Result<void> apply_batching(ModelSettings& settings, const toml::node& table, const std::string& file) {
  return for_each_key(table, file, "batching", [&](const std::string& key, const toml::node& node) -> Result<void> {
    if (key != "batching.max") return unknown(node, file, key, "max");
    settings.batch_rows_max = static_cast<uint32_t>(TRY(integer(node, file, key, 1, kBatchingMax)));
    return {};
  });
}

Result<void> apply_instances(ModelSettings::Instances& instances, const toml::node& table, const std::string& file) {
  return for_each_key(table, file, "instances", [&](const std::string& key, const toml::node& node) -> Result<void> {
    if (key == "instances.count") instances.count = static_cast<uint32_t>(TRY(integer(node, file, key, 1, kInstancesMax)));
    else if (key == "instances.threads")
      instances.threads = static_cast<uint32_t>(TRY(integer(node, file, key, 0, kInstanceThreadsMax)));
    else return unknown(node, file, key, "count, threads");
    return {};
  });
}

Result<VariantPolicy> policy_named(const toml::node& node, const std::string& file, const std::string& key) {
  const auto name = node.value_exact<std::string>();
  if (name == "off") return VariantPolicy::kOff;
  if (name == "degrade") return VariantPolicy::kDegrade;
  if (name == "cheapest-that-meets") return VariantPolicy::kCheapest;
  return at(file, node.source(), "'" + key + "' must be \"off\", \"degrade\" or \"cheapest-that-meets\"");
}

Result<void> apply_variants(ModelSettings::Variants& variants, const toml::node& table, const std::string& file) {
  return for_each_key(table, file, "variants", [&](const std::string& key, const toml::node& node) -> Result<void> {
    if (key == "variants.policy") {
      variants.policy = TRY(policy_named(node, file, key));
    } else if (key == "variants.min_accuracy") {
      const auto value = node.value<double>();  // an integer is as good
      if (!value || !(*value >= 0 && *value <= 1)) return at(file, node.source(), "'" + key + "' must be a number from 0 to 1");
      variants.min_accuracy = static_cast<float>(*value);
    } else {
      return unknown(node, file, key, "policy, min_accuracy");
    }
    return {};
  });
}

Result<void> apply(ModelSettings& settings, const std::string& key, const toml::node& node, const std::string& file) {
  if (key == "instances") {
    TRY(apply_instances(settings.instances, node, file));
  } else if (key == "batching") {
    TRY(apply_batching(settings, node, file));
  } else if (key == "variants") {
    TRY(apply_variants(settings.variants, node, file));
  } else if (key == "queue_max") {
    settings.queue_max = static_cast<uint32_t>(TRY(integer(node, file, key, 0, kQueueMax)));
  } else if (key == "versions") {
    settings.versions = TRY(versions(node, file));
  } else if (key == "profile") {
    settings.profile = TRY(strings(node, file, key));
  } else if (key == "deadline") {
    settings.time = TRY(deadline(node, file));
  } else {
    return unknown(node, file, key, "queue_max, versions, profile, batching, instances, variants, deadline");
  }
  return {};
}

}  // namespace

Result<ModelSettings> parse_settings(std::string_view text, const std::string& file) {
  const toml::table table = TRY(parse_toml(text, file, kSettingsBytesMax));
  ModelSettings settings;
  for (const auto& [key, node] : table) TRY(apply(settings, std::string(key.str()), node, file));
  return settings;
}

}  // namespace tercel::registry
