#pragma once

#include "base/json.h"

namespace tercel::peers {

// This process in /proc/self/smaps_rollup, in bytes: {"rss":..,"pss":..,"private":..}. Private is what would be free if the
// process ended; pss shares pages with others evenly. Null where the kernel does not tell.
void write_memory(JsonWriter& json);

}  // namespace tercel::peers
