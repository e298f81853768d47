#pragma once

#include <memory>
#include <span>

#include "plan/blob.h"
#include "plan/bytes.h"
#include "plan/program.h"
#include "platform/mapped_file.h"

// Sections to bytes and back. The pairs encode_x / decode_x must be changed together, with kFormatVersion where an older
// build could misread the result.
namespace tercel::plan {

// Deepest nesting of If / Loop / Scan bodies, the main graph included.
inline constexpr int kGraphNestingMax = 32;

// All of `program` but its tuned sections; contents of tensors go to `weights`.
std::vector<std::byte> encode_program(const Program& program, Blob& weights);

// One tuned section; packed weights go to `packed`.
std::vector<std::byte> encode_tuned(const TunedSection& section, Blob& packed);

// A blob of the file, and what keeps it mapped.
struct BlobView {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;

  // The part at offset, or an error: out of bounds or not aligned to kTensorAlignment.
  Result<std::span<const std::byte>> part(uint64_t offset, uint64_t length) const;
};

Result<Program> decode_program(std::span<const std::byte> bytes, const BlobView& weights);

// `known` is false when the section needs an ISA that this build has no name for: it is to be skipped.
struct DecodedTuned {
  bool known = true;
  TunedSection section;
};
Result<DecodedTuned> decode_tuned(std::span<const std::byte> bytes, const BlobView& packed, const Program& program);

// The p99.9 of a tuned section's latencies, which its own bytes have no room for: builds that do not know them skip a section,
// but no bytes within one. Empty when there are none.
std::vector<std::byte> encode_tails(const TunedSection& section);
Result<void> decode_tails(std::span<const std::byte> bytes, TunedSection& section);

// Every index, order and reference of a decoded program: what decode_* alone cannot see.
Result<void> verify(const Program& program);

// What plan::open does once the file is mapped.
Result<std::shared_ptr<const Program>> open_mapped(std::shared_ptr<const platform::MappedFile> file);

}  // namespace tercel::plan
