#pragma once

#include <cstdint>
#include <type_traits>

#include "tensor/half.h"

// Arithmetic on any element type, without undefined behaviour: floats are computed in double, integers wrap around.
namespace tercel::kernels {

template <typename T>
inline constexpr bool is_half_float = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;
template <typename T>
inline constexpr bool is_float_type = std::is_floating_point_v<T> || is_half_float<T>;

// What sums of T are kept in.
template <typename T>
using Accumulator = std::conditional_t<is_float_type<T>, double, uint64_t>;

template <typename T>
Accumulator<T> widened(T value) {
  if constexpr (is_half_float<T>) return static_cast<double>(static_cast<float>(value));
  else return static_cast<Accumulator<T>>(value);
}

template <typename T>
double as_double(T value) {
  if constexpr (is_half_float<T>) return static_cast<double>(static_cast<float>(value));
  else return static_cast<double>(value);
}

template <typename T>
T narrowed(Accumulator<T> value) {
  if constexpr (is_half_float<T>) return T(static_cast<float>(value));
  else if constexpr (std::is_same_v<T, bool>) return value != 0;
  else return static_cast<T>(value);
}

}  // namespace tercel::kernels
