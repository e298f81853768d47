#pragma once

#include <memory>
#include <span>
#include <string>

#include "plan/program.h"

namespace tercel::plan {

// The newest file format that this build reads and the one it writes.
inline constexpr uint32_t kFormatVersion = 1;

// Limits of a plan file, checked before anything is allocated. Documented in docs/limits.md.
inline constexpr uint64_t kPlanBytesMax = uint64_t{1} << 38;
inline constexpr uint32_t kGraphsMax = 4096;
inline constexpr uint32_t kNodesMax = 1u << 20;
inline constexpr uint32_t kValuesMax = 1u << 22;
inline constexpr uint32_t kAttributesMax = 256;  // of one node

// Writes `program` to `path`: aside in the same folder, fsynced, renamed. Constants and packed weights are aligned to
// kTensorAlignment, identical ones stored once. Nothing is left behind on failure, and a program that open() would refuse
// is not written. Returns the size in bytes.
Result<uint64_t> write(const Program& program, const std::string& path);
// The same into an anonymous memory file, opened at once: how `run model.onnx` compiles without a file.
Result<std::shared_ptr<const Program>> write_in_memory(const Program& program);

// Whether a file begins as a plan does. Says nothing about the rest of it.
bool is_plan(std::span<const std::byte> file);

// Maps a plan read-only and checks it: magic, version, section table, CRC32C of all tables, every index and offset.
// A truncated, corrupted, foreign or newer file is refused with the reason and the next step. Large weights are not read:
// Program::check() compares them with their checksums, block by block, before somebody reads them (sessions do, when they
// bind). The Program shares the mapping with its Tensors; it is immutable and safe to share between threads.
Result<std::shared_ptr<const Program>> open(const std::string& path);

// Whether checksums are looked at: fuzzers skip them, so that mutations reach the parser.
enum class Checksums : bool { kSkip, kCheck };

// Parses a plan image that somebody else keeps in memory (fuzzing, tests). `owner` keeps `image` alive; the image is aligned
// to kTensorAlignment.
Result<std::shared_ptr<const Program>> parse(std::span<const std::byte> image, std::shared_ptr<const void> owner,
                                             Checksums checksums = Checksums::kCheck);

}  // namespace tercel::plan
