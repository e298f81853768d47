#pragma once

#include <cstddef>
#include <cstdint>

// The parts of the zip format that .npz archives use (APPNOTE.TXT sections 4.3 and 4.5.3). All fields are little-endian.
namespace tercel {

inline constexpr uint32_t kZipLocalSignature = 0x04034b50, kZipCentralSignature = 0x02014b50, kZipEndSignature = 0x06054b50;
inline constexpr uint32_t kZipEnd64Signature = 0x06064b50, kZipLocator64Signature = 0x07064b50;
inline constexpr size_t kZipLocalBytes = 30, kZipCentralBytes = 46, kZipEndBytes = 22, kZipEnd64Bytes = 56,
                        kZipLocator64Bytes = 20;
inline constexpr size_t kZipCommentBytesMax = 0xffff;
inline constexpr uint16_t kZipExtra64 = 1;     // id of the extra field that holds sizes of 64 bits
inline constexpr uint16_t kZipVersion64 = 45;  // of the format, as needed to read such sizes

}  // namespace tercel
