#include "plan/block_checks.h"

#include <algorithm>

#include "base/crc32c.h"

namespace tercel::plan {

void BlockSums::add(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), kBlockBytes - filled_));
    crc_ = crc32c(crc_, part);
    filled_ += part.size();
    bytes = bytes.subspan(part.size());
    if (filled_ < kBlockBytes) return;
    done_.push_back(crc_);
    crc_ = 0;
    filled_ = 0;
  }
}

std::vector<uint32_t> BlockSums::finish() {
  if (filled_ > 0) done_.push_back(crc_);
  return std::move(done_);
}

bool BlockChecks::add(std::string section, std::span<const std::byte> bytes, std::vector<uint32_t> sums) {
  const size_t blocks = bytes.size() / kBlockBytes + (bytes.size() % kBlockBytes != 0);
  if (sums.size() != blocks) return false;
  sections_.push_back({std::move(section), bytes, std::move(sums), std::make_unique<std::atomic<bool>[]>(blocks)});
  return true;
}

Result<void> BlockChecks::check(std::span<const std::byte> bytes) const {
  if (bytes.empty()) return {};
  const auto inside = [&](const Section& s) {
    return !s.bytes.empty() && bytes.data() >= s.bytes.data() && bytes.data() <= &s.bytes.back();
  };
  const auto section = std::find_if(sections_.begin(), sections_.end(), inside);
  if (section == sections_.end()) return {};
  const auto first = static_cast<size_t>(bytes.data() - section->bytes.data());
  const size_t end = std::min(first + bytes.size(), section->bytes.size());
  for (size_t block = first / kBlockBytes; block * kBlockBytes < end; ++block) {
    std::atomic<bool>& good = section->good[block];
    if (good.load(std::memory_order_relaxed)) continue;
    const size_t at = block * kBlockBytes;
    if (crc32c(0, section->bytes.subspan(at, std::min(kBlockBytes, section->bytes.size() - at))) != section->sums[block])
      return invalid("the plan is corrupted: its section '" + section->name + "' fails its checksum at byte " +
                     std::to_string(at) + "; copy or compile it again");
    good.store(true, std::memory_order_relaxed);
  }
  return {};
}

}  // namespace tercel::plan
