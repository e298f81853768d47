#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "request/terms.h"

namespace tercel::registry {

// Which of the version folders are loaded.
struct VersionPolicy {
  enum class Kind : uint8_t { kLatest, kAll, kSpecific };
  Kind kind = Kind::kLatest;      // the highest number
  std::vector<int64_t> specific;  // ascending, for kSpecific
};

// What model.toml may say:
//   instances = 2              requests computed at the same time
//   threads = 1                threads of one request; 0 chooses by measured latency
//   queue_max = 256            requests that may wait, hard ones a third more; more are refused
//   versions = "latest"        or "all", or a list of numbers: [1, 3]
//   profile = ["x=1..8x3"]     input ranges, for a model.onnx that is compiled when it is loaded
//   [deadline]
//   default_us = 20_000        of requests that name none; 0: none
//   max_us = 1_000_000         longer ones are shortened to this
//   class = "hard"             of requests that name none: hard, soft or bulk
//   classes = ["hard", "soft"] that clients may ask for; all when absent
struct ModelSettings {
  uint32_t instances = 1;
  int threads = 0;
  uint32_t queue_max = 256;
  VersionPolicy versions;
  std::vector<std::string> profile;
  request::TimePolicy time;
};

inline constexpr int64_t kInstancesMax = 64;           // instances in model.toml: what one scheduler drives
inline constexpr int64_t kThreadsMax = 1024;           // threads in model.toml
inline constexpr int64_t kQueueMax = 65536;            // queue_max in model.toml
inline constexpr size_t kSettingsBytesMax = 64 << 10;  // of a model.toml

// Parses the text of a model.toml. Unknown keys, wrong types and values out of range are errors with the line.
Result<ModelSettings> parse_settings(std::string_view toml, const std::string& file);

}  // namespace tercel::registry
