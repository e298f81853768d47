#include "plan/layout.h"

#include <algorithm>
#include <cstring>

#include "base/crc32c.h"

namespace tercel::plan {

std::string section_name(const SectionEntry& entry) {
  switch (entry.kind) {
    case SectionKind::kProgram: return "program";
    case SectionKind::kWeights: return "weights";
    case SectionKind::kTuned: return "tuned " + std::to_string(entry.index);
    case SectionKind::kPacked: return "packed " + std::to_string(entry.index);
    case SectionKind::kBlocks: return "blocks " + std::to_string(entry.index);
    case SectionKind::kTails: return "tails " + std::to_string(entry.index);
  }
  return "of kind " + std::to_string(static_cast<uint32_t>(entry.kind));
}

uint32_t header_crc(Header header, std::span<const SectionEntry> table) {
  header.crc = 0;
  return crc32c(crc32c(0, std::as_bytes(std::span(&header, 1))), std::as_bytes(table));
}

namespace {

Result<void> check_extents(std::span<const SectionEntry> table, uint64_t first_byte, uint64_t file_bytes) {
  std::vector<SectionEntry> sorted(table.begin(), table.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  uint64_t end = first_byte;
  for (const SectionEntry& entry : sorted) {
    if (entry.offset < end || entry.offset > file_bytes || entry.length > file_bytes - entry.offset)
      return invalid("the plan is corrupted: its section '" + section_name(entry) + "' lies outside its place; compile it again");
    if (entry.offset % kSectionAlignment != 0)
      return invalid("the plan is corrupted: its section '" + section_name(entry) + "' is not aligned; compile it again");
    end = entry.offset + entry.length;
  }
  return {};
}

}  // namespace

bool is_plan(std::span<const std::byte> file) {
  return file.size() >= sizeof kMagic && std::memcmp(file.data(), kMagic, sizeof kMagic) == 0;
}

Result<std::vector<SectionEntry>> read_table(std::span<const std::byte> image, Checksums checksums) {
  Header header;
  const size_t have = std::min(image.size(), sizeof header);
  if (!is_plan(image)) return invalid("this is not a plan file; make one with: tercel compile model.onnx -o model.plan");
  if (have < sizeof header) return invalid("the plan is truncated: it ends within its header; copy or compile it again");
  std::memcpy(&header, image.data(), sizeof header);
  // Before anything else: a newer format may have changed all that follows.
  if (header.format_version > kFormatVersion)
    return unsupported("the plan has format " + std::to_string(header.format_version) + ", this build reads up to " +
                       std::to_string(kFormatVersion) + ": use a newer tercel, or compile the model again with this one");
  if (header.file_bytes > image.size())
    return invalid("the plan is truncated: it has " + std::to_string(image.size()) + " of " + std::to_string(header.file_bytes) +
                   " bytes; copy or compile it again");
  const size_t table_bytes = header.section_count * sizeof(SectionEntry);
  if (header.section_count > kSectionsMax || table_bytes > image.size() - sizeof header)
    return invalid("the plan is corrupted: its header claims " + std::to_string(header.section_count) +
                   " sections; compile it again");
  std::vector<SectionEntry> table(header.section_count);
  if (table_bytes) std::memcpy(table.data(), image.data() + sizeof header, table_bytes);
  if (checksums == Checksums::kCheck && header.crc != header_crc(header, table))
    return invalid("the plan is corrupted: its header fails its checksum; compile it again");
  if (header.file_bytes < image.size())
    return invalid("the plan is corrupted: " + std::to_string(image.size() - header.file_bytes) +
                   " bytes follow its end; compile it again");
  TRY(check_extents(table, sizeof header + table_bytes, header.file_bytes));
  return table;
}

}  // namespace tercel::plan
