#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "plan/plan.h"

// How a plan file is laid out. docs/adr/ has the reasons; this page and encode_*.cc are the definition.
//
//   Header            magic, format version, number of sections, file size, CRC32C of header and table
//   SectionEntry[n]   kind, which tuned section it belongs to, offset, length, CRC32C
//   sections          each at a multiple of kSectionAlignment:
//     kProgram        names, symbols, graphs, profile, passes            one
//     kWeights        contents of constants, each at kTensorAlignment    one
//     kTuned          tactics, buckets, latencies, notes                 one per ISA
//     kPacked         weights in kernels' formats, each at kTensorAlignment   one per kTuned
//     kBlocks         CRC32C of each kBlockBytes of a kWeights or kPacked section   one per such section
//     kTails          the p99.9 of each latency of a kTuned                  one per kTuned that has any
//
// Kinds this build does not know are checked and skipped. Numbers are never renumbered, only appended.
namespace tercel::plan {

inline constexpr char kMagic[8] = {'T', 'E', 'R', 'C', 'E', 'L', 'P', '\n'};
inline constexpr size_t kSectionAlignment = 4096;  // a page, so that advice to the kernel stays within a section
inline constexpr uint32_t kSectionsMax = 256;

enum class SectionKind : uint32_t { kProgram = 1, kWeights = 2, kTuned = 3, kPacked = 4, kBlocks = 5, kTails = 6 };

struct Header {
  char magic[8];
  uint32_t format_version;
  uint32_t section_count;
  uint64_t file_bytes;
  uint32_t crc;  // of this header with crc = 0, then of the table
  uint32_t reserved;
};
static_assert(sizeof(Header) == 32);

struct SectionEntry {
  SectionKind kind;
  uint32_t index;  // kTuned, kPacked, kTails: of the tuned section; kBlocks: of the section in the table; else 0
  uint64_t offset, length;
  uint32_t crc;
  uint32_t reserved;
};
static_assert(sizeof(SectionEntry) == 32);

// "program", "weights", "tuned 0", "packed 0": for messages.
std::string section_name(const SectionEntry& entry);

uint32_t header_crc(Header header, std::span<const SectionEntry> table);

// Reads and checks the header and the table of a file image; the sections lie within the image and do not overlap.
Result<std::vector<SectionEntry>> read_table(std::span<const std::byte> image, Checksums checksums);

}  // namespace tercel::plan
