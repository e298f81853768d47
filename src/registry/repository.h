#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "registry/settings.h"

namespace tercel::registry {

inline constexpr size_t kModelsMax = 4096;    // of a repository
inline constexpr size_t kVersionsMax = 1024;  // of a model
inline constexpr size_t kNameBytesMax = 128;  // of the name of a model

// One model folder as found: either what is to be loaded, or why it can't be.
struct FoundModel {
  std::string name;
  std::string directory;
  ModelSettings settings;
  std::vector<int64_t> versions;  // selected by the settings, ascending
  std::string reason;             // not empty: the model as a whole is broken
};

// Letters, digits, '.', '_' and '-', not starting with a dot or dash, at most kNameBytesMax.
bool is_model_name(std::string_view name);

// Lists the models of a repository, by name. Fails only when the repository itself can't be read.
Result<std::vector<FoundModel>> scan(const std::string& repository);

// Looks at one model again. kNotFound when its folder is gone.
Result<FoundModel> scan_model(const std::string& repository, const std::string& name);

}  // namespace tercel::registry
