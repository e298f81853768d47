#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/workers.h"

namespace tercel::kernels {

inline constexpr int64_t kRowChunksMax = 64;

// Runs f(begin, end) over 0..count-1 in chunks whose bounds depend on `count` alone; each chunk writes its own outputs.
template <typename F>
void for_row_chunks(Workers& workers, int64_t count, F&& f) {
  if (count == 0) return;
  const int64_t chunk = (count + kRowChunksMax - 1) / kRowChunksMax;
  const auto chunks = static_cast<int>((count + chunk - 1) / chunk);
  workers.run(chunks, [&](int i, int) { f(i * chunk, std::min(count, (i + 1) * chunk)); });
}

}  // namespace tercel::kernels
