#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tercel::registry {

// Where the accuracy of a variant lies, as far as measuring it could tell.
struct AccuracyInterval {
  float low = 0, high = 1;
};

// One way to compute a model. ladder.toml describes it as
//   [[variant]]
//   name = "int8"            its file is variants/int8.plan or variants/int8.onnx
//   accuracy = 0.982         measured, from 0 to 1; no two variants have the same
//   accuracy_low = 0.978     and accuracy_high: the interval of that measurement. Both or neither.
//   accuracy_high = 0.986
//   recipe = "int8, per channel"   how it was made: kept and shown
//   digest = "crc32c:0badcafe:1234"   digest_of() its file, which is compared when it is opened
struct LadderVariant {
  std::string name;
  float accuracy = 1;
  std::optional<AccuracyInterval> interval;
  std::string recipe, digest;  // empty: not given
};

inline constexpr size_t kLadderVariantsMax = 8;      // variants of a ladder.toml
inline constexpr size_t kLadderBytesMax = 64 << 10;  // of a ladder.toml

// Parses the text of a ladder.toml: two variants or more, in any order. Returns the most accurate first. Unknown keys, wrong
// types, values out of range and two variants of one name or one accuracy are errors with the line.
Result<std::vector<LadderVariant>> parse_ladder(std::string_view toml, const std::string& file);

}  // namespace tercel::registry
