#include "registry/ladder.h"

#include <algorithm>

#include "registry/repository.h"
#include "registry/toml_file.h"

namespace tercel::registry {
namespace {

constexpr const char* kKeys = "name, accuracy, accuracy_low, accuracy_high, recipe, digest";
constexpr std::string_view kDigestKind = "crc32c:";

Result<float> accuracy_of(const toml::node& node, const std::string& file, const std::string& key) {
  const auto value = node.value<double>();  // an integer is as good
  if (value && *value >= 0 && *value <= 1) return static_cast<float>(*value);
  return at(file, node.source(), "'" + key + "' must be a number from 0 to 1");
}

Result<std::string> name_of(const toml::node& node, const std::string& file) {
  const auto name = node.value_exact<std::string>();
  if (name && is_model_name(*name)) return *name;  // it is part of a file name, too
  return at(file, node.source(),
            "'name' must be letters, digits, '.', '_' and '-' only, starting with a letter or digit, at most " +
                std::to_string(kNameBytesMax) + " bytes");
}

Result<std::string> digest_in(const toml::node& node, const std::string& file) {
  const auto digest = node.value_exact<std::string>();
  if (digest && digest->starts_with(kDigestKind)) return *digest;
  return at(file, node.source(),
            "'digest' must be a text such as \"crc32c:0badcafe:1234\": the CRC32C of the file and its bytes");
}

// What a table says, before it is known whether it says enough.
struct Given {
  std::optional<std::string> name;
  std::optional<float> accuracy, low, high;
  std::string recipe, digest;
};

Result<void> apply(Given& given, const std::string& key, const toml::node& node, const std::string& file) {
  if (key == "name") {
    given.name = TRY(name_of(node, file));
  } else if (key == "accuracy") {
    given.accuracy = TRY(accuracy_of(node, file, key));
  } else if (key == "accuracy_low") {
    given.low = TRY(accuracy_of(node, file, key));
  } else if (key == "accuracy_high") {
    given.high = TRY(accuracy_of(node, file, key));
  } else if (key == "recipe") {
    const auto recipe = node.value_exact<std::string>();
    if (!recipe) return at(file, node.source(), "'recipe' must be a text");
    given.recipe = *recipe;
  } else if (key == "digest") {
    given.digest = TRY(digest_in(node, file));
  } else {
    return unknown(node, file, key, kKeys);
  }
  return {};
}

Result<LadderVariant> variant_in(const toml::node& node, const std::string& file) {
  const auto* table = node.as_table();
  if (!table) return at(file, node.source(), "'variant' must be a list of tables: [[variant]]");
  Given given;
  for (const auto& [key, value] : *table) TRY(apply(given, std::string(key.str()), value, file));
  if (!given.name) return at(file, node.source(), "a variant needs a 'name'");
  if (!given.accuracy) return at(file, node.source(), "variant '" + *given.name + "' needs its measured 'accuracy'");
  if (given.low.has_value() != given.high.has_value())
    return at(file, node.source(), "variant '" + *given.name + "' needs both accuracy_low and accuracy_high, or neither");
  LadderVariant variant{
      .name = *given.name, .accuracy = *given.accuracy, .interval = {}, .recipe = given.recipe, .digest = given.digest};
  if (!given.low) return variant;
  if (!(*given.low <= variant.accuracy && variant.accuracy <= *given.high))
    return at(file, node.source(), "the accuracy of variant '" + variant.name + "' is not within accuracy_low and accuracy_high");
  variant.interval = {*given.low, *given.high};
  return variant;
}

// Adds a variant in its place.
Result<void> add(std::vector<LadderVariant>& ladder, LadderVariant variant, const toml::source_region& where,
                 const std::string& file) {
  for (const LadderVariant& other : ladder) {
    if (other.name == variant.name) return at(file, where, "two variants have the name '" + variant.name + "'");
    if (other.accuracy == variant.accuracy) {
      return at(file, where,
                "variants '" + other.name + "' and '" + variant.name + "' are equally accurate: keep the faster one");
    }
  }
  const auto place = std::ranges::find_if(ladder, [&](const auto& other) { return other.accuracy < variant.accuracy; });
  ladder.insert(place, std::move(variant));
  return {};
}

Result<std::vector<LadderVariant>> variants(const toml::node& node, const std::string& file) {
  const auto* list = node.as_array();
  if (!list) return at(file, node.source(), "'variant' must be a list of tables: [[variant]]");
  if (list->size() < 2 || list->size() > kLadderVariantsMax) {
    return at(file, node.source(),
              "a ladder has 2 to " + std::to_string(kLadderVariantsMax) + " variants, not " + std::to_string(list->size()) +
                  "; a model without choice needs model.plan or model.onnx only");
  }
  std::vector<LadderVariant> ladder;
  for (const auto& item : *list) TRY(add(ladder, TRY(variant_in(item, file)), item.source(), file));
  return ladder;
}

}  // namespace

Result<std::vector<LadderVariant>> parse_ladder(std::string_view text, const std::string& file) {
  const toml::table table = TRY(parse_toml(text, file, kLadderBytesMax));
  for (const auto& [key, node] : table)
    if (key.str() != "variant") return unknown(node, file, std::string(key.str()), "variant, in tables [[variant]]");
  const auto* node = table.get("variant");
  if (!node) return invalid(file + " lists no variant: give each a table [[variant]] with name and accuracy");
  return variants(*node, file);
}

}  // namespace tercel::registry
