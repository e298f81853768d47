#include "registry/repository.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>

#include "registry/text_file.h"

namespace tercel::registry {
namespace {

namespace fs = std::filesystem;

std::optional<int64_t> version_number(const std::string& name) {
  int64_t number = 0;
  const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (failure != std::errc() || end != name.data() + name.size() || number < 0) return std::nullopt;
  if (std::to_string(number) != name) return std::nullopt;  // "007" and "7" would be the same version
  return number;
}

Result<ModelSettings> read_settings(const fs::path& file) {
  std::error_code failure;
  if (!fs::exists(file, failure)) return ModelSettings{};
  return parse_settings(TRY(read_text(file.string(), kSettingsBytesMax)), file.string());
}

Result<std::vector<int64_t>> present_versions(const fs::path& directory) {
  std::vector<int64_t> numbers;
  std::error_code failure;
  fs::directory_iterator entries(directory, failure);
  for (; !failure && entries != fs::directory_iterator(); entries.increment(failure)) {
    const auto number = version_number(entries->path().filename().string());
    std::error_code ignored;
    if (!number || !entries->is_directory(ignored)) continue;
    if (numbers.size() == kVersionsMax) return too_large("more than " + std::to_string(kVersionsMax) + " versions");
    numbers.push_back(*number);
  }
  if (failure) return io_error("cannot read " + directory.string() + ": " + failure.message());
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Result<std::vector<int64_t>> select(const std::vector<int64_t>& present, const VersionPolicy& policy) {
  if (present.empty()) return invalid("no version folder: a model needs <model>/<number>/model.plan, model.onnx or ladder.toml");
  if (policy.kind == VersionPolicy::Kind::kAll) return present;
  if (policy.kind == VersionPolicy::Kind::kLatest) return std::vector<int64_t>{present.back()};
  std::vector<int64_t> chosen;
  for (const int64_t number : policy.specific) {
    if (!std::binary_search(present.begin(), present.end(), number)) {
      return invalid("model.toml asks for version " + std::to_string(number) + ", which has no folder");
    }
    if (chosen.empty() || chosen.back() != number) chosen.push_back(number);
  }
  return chosen;
}

Result<void> read_model(FoundModel& model) {
  if (!is_model_name(model.name)) {
    return invalid("not a model name: letters, digits, '.', '_' and '-' only, starting with a letter or digit, at most " +
                   std::to_string(kNameBytesMax) + " bytes; rename the folder");
  }
  model.settings = TRY(read_settings(fs::path(model.directory) / "model.toml"));
  const auto present = TRY(present_versions(model.directory));
  model.versions = TRY(select(present, model.settings.versions));
  return {};
}

FoundModel found(const fs::path& directory) {
  FoundModel model{.name = directory.filename().string(), .directory = directory.string()};
  const auto read = read_model(model);
  if (!read.ok()) model.reason = read.error().message();
  return model;
}

}  // namespace

bool is_model_name(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
  if (name.empty() || name.size() > kNameBytesMax || (!is_letter(name[0]) && name[0] != '_')) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return is_letter(c) || c == '.' || c == '_' || c == '-'; });
}

Result<std::vector<FoundModel>> scan(const std::string& repository) {
  std::error_code failure;
  fs::directory_iterator entries(repository, failure);
  std::vector<FoundModel> models;
  for (; !failure && entries != fs::directory_iterator(); entries.increment(failure)) {
    std::error_code ignored;
    if (!entries->is_directory(ignored) || entries->path().filename().string()[0] == '.') continue;
    if (models.size() == kModelsMax) return too_large(repository + " holds more than " + std::to_string(kModelsMax) + " models");
    models.push_back(found(entries->path()));
  }
  if (failure) {
    return io_error("cannot read the model repository " + repository + ": " + failure.message() +
                    "; it must be a folder that this user may list");
  }
  std::sort(models.begin(), models.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return models;
}

Result<FoundModel> scan_model(const std::string& repository, const std::string& name) {
  const fs::path directory = fs::path(repository) / name;
  std::error_code failure;
  if (!is_model_name(name) || !fs::is_directory(directory, failure))
    return not_found("no model '" + name + "' in the repository");
  return found(directory);
}

}  // namespace tercel::registry
