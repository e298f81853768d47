#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace tercel::plan {

// Lays out byte strings one after another, each at kTensorAlignment, and identical ones once. Refers to the bytes, which
// must stay until the blob was written.
class Blob {
 public:
  struct Piece {
    uint64_t offset;
    std::span<const std::byte> bytes;
  };

  // Where `bytes` will lie.
  uint64_t add(std::span<const std::byte> bytes);

  std::span<const Piece> pieces() const { return pieces_; }  // in order of offset

 private:
  std::vector<Piece> pieces_;
  std::unordered_multimap<uint64_t, size_t> by_hash_;  // of contents: index of the piece
  uint64_t end_ = 0;
};

}  // namespace tercel::plan
