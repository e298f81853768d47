#include "engine/first_touch.h"

#include <algorithm>

namespace tercel::engine {

namespace {

// What one thread takes at a time: some hundred microseconds of reading.
constexpr size_t kPieceBytes = 32 * plan::kBlockBytes;

}  // namespace

void touch_weights(const Environment& environment, const plan::Bucket* bucket, kernels::Workers& workers) {
  if (!bucket) return;
  std::vector<std::span<const std::byte>> pieces;
  for (uint32_t node = 0; node < bucket->tactics.size(); ++node) {
    if (bucket->tactics[node] == plan::kUntuned) continue;
    auto bytes = environment.packed->stored(node, environment.tuned->tactic_names[bucket->tactics[node]]);
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(kPieceBytes, bytes.size())))
      pieces.push_back(bytes.first(std::min(kPieceBytes, bytes.size())));
  }
  workers.run(static_cast<int>(pieces.size()), [&](int piece, int) {
    environment.prefault(pieces[static_cast<size_t>(piece)]);
    (void)environment.program->check(pieces[static_cast<size_t>(piece)]);
  });
}

}  // namespace tercel::engine
