#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tercel {

// Element types that the engine computes with. The numbers are stored in plans: never renumber, only append.
enum class DType : uint8_t {
  kFloat32 = 0, kFloat64 = 1, kFloat16 = 2, kBFloat16 = 3,
  kInt8 = 4, kInt16 = 5, kInt32 = 6, kInt64 = 7,
  kUint8 = 8, kUint16 = 9, kUint32 = 10, kUint64 = 11,
  kBool = 12,  // one byte, 0 or 1
};
inline constexpr int kDTypeCount = 13;

constexpr size_t dtype_size(DType t) {
  constexpr uint8_t kSizes[kDTypeCount] = {4, 8, 2, 2, 1, 2, 4, 8, 1, 2, 4, 8, 1};
  return kSizes[static_cast<int>(t)];
}

// "float32", "int64", ... as numpy spells them ("bfloat16" as ml_dtypes does).
constexpr std::string_view dtype_name(DType t) {
  constexpr std::string_view kNames[kDTypeCount] = {"float32", "float64", "float16", "bfloat16", "int8",   "int16", "int32",
                                                    "int64",   "uint8",   "uint16",  "uint32",   "uint64", "bool"};
  return kNames[static_cast<int>(t)];
}

constexpr bool is_float(DType t) { return t <= DType::kBFloat16; }
constexpr bool is_signed_integer(DType t) { return t >= DType::kInt8 && t <= DType::kInt64; }
constexpr bool is_unsigned_integer(DType t) { return t >= DType::kUint8 && t <= DType::kUint64; }
constexpr bool is_integer(DType t) { return t >= DType::kInt8 && t <= DType::kUint64; }

}  // namespace tercel
