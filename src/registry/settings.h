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

// Which variant of a ladder answers. `off`: the most accurate, always. `degrade`: the most accurate with which everybody is in
// time. `cheapest-that-meets`: the fastest that is as accurate as the request asks.
enum class VariantPolicy : uint8_t { kOff, kDegrade, kCheapest };

// What model.toml may say:
//   queue_max = 256            requests that may wait, hard ones a third more; more are refused
//   versions = "latest"        or "all", or a list of numbers: [1, 3]
//   profile = ["x=1..8x3"]     input ranges, for a model.onnx that is compiled when it is loaded
//   [batching]
//   max = 8                    rows that requests may share a batch of; 1: never
//   [instances]
//   count = 3                  copies of each variant: batches that run or were preempted at the same time
//   threads = 1                threads of one batch; 0: one, or all that compute, whichever is through first
//   [variants]
//   policy = "degrade"         or "off", "cheapest-that-meets": which variant of a ladder answers
//   min_accuracy = 0.7         of requests that name none
//   [deadline]
//   default_us = 20_000        of requests that name none; 0: none
//   max_us = 1_000_000         longer ones are shortened to this
//   class = "hard"             of requests that name none: hard, soft or bulk
//   classes = ["hard", "soft"] that clients may ask for; all when absent
struct ModelSettings {
  struct Instances {
    uint32_t count = 0;  // 0: one more than threads that compute
    uint32_t threads = 0;
  };
  struct Variants {
    VariantPolicy policy = VariantPolicy::kDegrade;
    float min_accuracy = 0;
  };
  uint32_t queue_max = 256;
  uint32_t batch_rows_max = 0;  // 0: kBatchRowsDefault where rows are independent of each other, else 1
  Instances instances;
  Variants variants;
  VersionPolicy versions;
  std::vector<std::string> profile;
  request::TimePolicy time;
};

inline constexpr uint32_t kBatchRowsDefault = 8;       // rows of a batch where model.toml says nothing
inline constexpr int64_t kBatchingMax = 128;           // batching.max in model.toml: what one scheduler plans with
inline constexpr int64_t kInstancesMax = 64;           // instances.count in model.toml
inline constexpr int64_t kInstanceThreadsMax = 64;     // instances.threads in model.toml
inline constexpr int64_t kQueueMax = 1 << 20;          // queue_max in model.toml
inline constexpr size_t kSettingsBytesMax = 64 << 10;  // of a model.toml

// Parses the text of a model.toml. Unknown keys, wrong types and values out of range are errors with the line.
Result<ModelSettings> parse_settings(std::string_view toml, const std::string& file);

}  // namespace tercel::registry
