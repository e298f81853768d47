#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tercel::load {

inline constexpr int64_t kDurationNsMax = int64_t{7} * 24 * 3600 * 1'000'000'000;  // of any duration given to `tercel load`

// "250us", "20ms", "1.5s", "2m" in nanoseconds; the unit must be there, except after 0.
Result<int64_t> parse_duration(std::string_view text);
// "99.9%" or "0.999" as a share of one, above 0 and below or equal to 1.
Result<double> parse_share(std::string_view text);
// The whole of `text` as a finite number.
Result<double> parse_number(std::string_view text);

// "20 ms", "1.53 s": three digits in the largest unit that keeps it above one.
std::string duration_text(int64_t ns);

}  // namespace tercel::load
