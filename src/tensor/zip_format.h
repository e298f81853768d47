#pragma once

#include <cstddef>
#include <cstdint>

// The parts of the zip format that .npz archives use (APPNOTE.TXT sections 4.3 and 4.5.3). All fields are little-endian.
namespace tercel::zip {

inline constexpr uint32_t kLocalSignature = 0x04034b50, kCentralSignature = 0x02014b50, kEndSignature = 0x06054b50;
inline constexpr uint32_t kEnd64Signature = 0x06064b50, kLocator64Signature = 0x07064b50;
inline constexpr size_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22, kEnd64Bytes = 56, kLocator64Bytes = 20;
inline constexpr size_t kCommentBytesMax = 0xffff;
inline constexpr uint16_t kExtra64 = 1;       // id of the extra field that holds sizes of 64 bits
inline constexpr uint16_t kVersion64 = 45;    // of the format, as needed to read such sizes

}  // namespace tercel::zip
