#pragma once

#include <bit>
#include <cstdint>

namespace tercel {

// IEEE 754 binary16 and bfloat16 as storage types: converted to float to compute, rounded to nearest even to store.
struct Half {
  uint16_t bits = 0;
  Half() = default;
  explicit Half(float value);
  explicit operator float() const;
};

struct BFloat16 {
  uint16_t bits = 0;
  BFloat16() = default;
  explicit BFloat16(float value);
  explicit operator float() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }
};

// Implementation details; readers may stop here.

inline Half::operator float() const {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1f, mantissa = bits & 0x3ff;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000 | (mantissa << 13));
  if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24 is exact in float
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

inline Half::Half(float value) {
  const uint32_t x = std::bit_cast<uint32_t>(value);
  const uint16_t sign = static_cast<uint16_t>((x >> 16) & 0x8000);
  const uint32_t magnitude = x & 0x7fffffff;
  if (magnitude > 0x7f800000) { bits = sign | 0x7e00; return; }   // NaN stays NaN
  if (magnitude >= 0x477ff000) { bits = sign | 0x7c00; return; }  // rounds to 65520 or more: infinity
  if (magnitude < 0x33000001) { bits = sign; return; }            // at most half of the smallest subnormal: zero
  const int exponent = static_cast<int>(magnitude >> 23) - 127;
  const uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
  const int shift = exponent < -14 ? -1 - exponent : 13;          // subnormals keep fewer bits
  const uint32_t half = 1u << (shift - 1), rest = mantissa & ((1u << shift) - 1);
  uint32_t rounded = mantissa >> shift;
  if (rest > half || (rest == half && (rounded & 1))) ++rounded;
  // The hidden bit carries into the exponent field, also when rounding overflows the mantissa.
  bits = sign | static_cast<uint16_t>(exponent < -14 ? rounded : rounded + (static_cast<uint32_t>(exponent + 14) << 10));
}

inline BFloat16::BFloat16(float value) {
  const uint32_t x = std::bit_cast<uint32_t>(value);
  if ((x & 0x7fffffff) > 0x7f800000) { bits = static_cast<uint16_t>((x >> 16) | 0x40); return; }
  bits = static_cast<uint16_t>((x + 0x7fff + ((x >> 16) & 1)) >> 16);
}

}  // namespace tercel
