#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace tercel::plan {

// Weights are checked block by block, when somebody is about to use them: opening a plan reads none of them, and a process
// that runs one tuned section never reads the others. Twelve pages: what crc32c() takes at full speed.
inline constexpr size_t kBlockBytes = 48 * 1024;

// CRC32C of each block of a section, computed while the section is written.
class BlockSums {
 public:
  void add(std::span<const std::byte> bytes);
  std::vector<uint32_t> finish();

 private:
  std::vector<uint32_t> done_;
  uint32_t crc_ = 0;
  size_t filled_ = 0;
};

// The sections of an open plan whose blocks are yet to be compared with their checksums.
class BlockChecks {
 public:
  // False when there is not one checksum per block.
  bool add(std::string section, std::span<const std::byte> bytes, std::vector<uint32_t> sums);

  // Compares each block that `bytes` touches, unless it was compared before. Bytes outside all sections need no check.
  // From any thread; reads the bytes, so that they are resident afterwards.
  Result<void> check(std::span<const std::byte> bytes) const;

 private:
  struct Section {
    std::string name;
    std::span<const std::byte> bytes;
    std::vector<uint32_t> sums;
    std::unique_ptr<std::atomic<bool>[]> good;  // per block
  };
  std::vector<Section> sections_;
};

}  // namespace tercel::plan
