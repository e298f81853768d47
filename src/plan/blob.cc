#include "plan/blob.h"

#include <cstring>

#include "base/checked.h"
#include "base/crc32c.h"
#include "tensor/tensor.h"

namespace tercel::plan {

uint64_t Blob::add(std::span<const std::byte> bytes) {
  if (bytes.empty()) return 0;
  const uint64_t hash = (uint64_t{crc32c(0, bytes)} << 32) ^ bytes.size();
  const auto [first, last] = by_hash_.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    const Piece& piece = pieces_[it->second];
    if (piece.bytes.size() == bytes.size() && std::memcmp(piece.bytes.data(), bytes.data(), bytes.size()) == 0)
      return piece.offset;
  }
  const uint64_t offset = align_up(end_, kTensorAlignment);
  by_hash_.emplace(hash, pieces_.size());
  pieces_.push_back({offset, bytes});
  end_ = offset + bytes.size();
  return offset;
}

}  // namespace tercel::plan
