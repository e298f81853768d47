#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tercel {

// CRC-32C (Castagnoli) of `bytes`, continuing from `crc` (0 to start): crc32c(crc32c(0, a), b) is the CRC of a then b.
// Uses the SSE4.2 instruction in three interleaved chains where the host has it, a table otherwise.
uint32_t crc32c(uint32_t crc, std::span<const std::byte> bytes);

// The table form, whatever the host can do: the twin that tests compare with.
uint32_t crc32c_portable(uint32_t crc, std::span<const std::byte> bytes);

}  // namespace tercel
