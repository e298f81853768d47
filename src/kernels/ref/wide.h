#pragma once

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "tensor/tensor.h"

// The three types that reference kernels compute in: double for floats, int64_t for signed integers, uint64_t for unsigned
// ones and bool. Elements are widened block by block, so an operator is written once for each wide type, not for each dtype.
namespace tercel::kernels {

inline constexpr int64_t kWideBlock = 256;  // elements that a pointwise kernel widens at a time, on its stack

// Calls f.template operator()<W>() with the wide type of `dtype`.
template <typename F>
decltype(auto) visit_wide(DType dtype, F&& f) {
  if (is_float(dtype)) return f.template operator()<double>();
  if (is_signed_integer(dtype)) return f.template operator()<int64_t>();
  return f.template operator()<uint64_t>();
}

template <typename T>
inline constexpr bool is_small_float = std::same_as<T, Half> || std::same_as<T, BFloat16>;
template <typename W>
constexpr bool is_wide_float = std::same_as<W, double>;
// What sums and products are made in: integers wrap around.
template <typename W>
using Wrapping = std::conditional_t<is_wide_float<W>, double, uint64_t>;
template <typename T>
using Wide = std::conditional_t<std::floating_point<T> || is_small_float<T>, double,
                                std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;

template <typename W>
bool is_nan(W value) {
  if constexpr (std::floating_point<W>) return std::isnan(value);
  else return false;
}

// Widens n elements from data[start], `stride` elements apart.
template <typename W>
void load_wide(DType dtype, const void* data, int64_t start, int64_t stride, int64_t n, W* out);
// Narrows n values to data[start], data[start + stride] and so on, as convert() does.
template <typename W>
void store_wide(DType dtype, void* data, int64_t start, int64_t stride, int64_t n, const W* values);

// One element, for code whose time does not matter.
template <typename W>
W load_one(DType dtype, const void* data, int64_t at) {
  W value;
  load_wide(dtype, data, at, 0, 1, &value);
  return value;
}
template <typename W>
void store_one(DType dtype, void* data, int64_t at, W value) {
  store_wide(dtype, data, at, 0, 1, &value);
}

// A number as another type, never undefined: floats round to nearest even; a float out of an integer's range saturates and
// NaN gives 0; integers wrap; anything but zero is true.
template <typename To, typename From>
To convert(From value);

// Implementation details; readers may stop here.

// The float that rounds to the same 16-bit float as the double does: inexact results keep an odd last bit.
inline float round_to_odd(double value) {
  const float nearest = static_cast<float>(value);
  if (static_cast<double>(nearest) == value || !std::isfinite(nearest)) return nearest;
  if (std::bit_cast<uint32_t>(nearest) & 1) return nearest;
  const float other = std::nextafter(nearest, static_cast<double>(nearest) < value ? std::numeric_limits<float>::infinity()
                                                                                   : -std::numeric_limits<float>::infinity());
  return other;
}

template <typename To, typename From>
To convert(From value) {
  if constexpr (std::same_as<To, From>) {
    return value;
  } else if constexpr (is_small_float<From>) {
    return convert<To>(static_cast<double>(static_cast<float>(value)));
  } else if constexpr (is_small_float<To>) {
    if constexpr (std::same_as<From, double>) return To(round_to_odd(value));
    else if constexpr (std::same_as<From, float>) return To(value);
    else return To(round_to_odd(static_cast<double>(value)));
  } else if constexpr (std::same_as<To, bool>) {
    return value != 0;
  } else if constexpr (std::floating_point<From> && std::integral<To>) {
    if (std::isnan(value)) return 0;
    // 2^digits is exact in From where max() may not be.
    const From beyond = std::ldexp(From{1}, std::numeric_limits<To>::digits);
    if (value >= beyond) return std::numeric_limits<To>::max();
    if (value <= (std::is_signed_v<To> ? -beyond : From{0})) return std::numeric_limits<To>::lowest();
    return static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace tercel::kernels
