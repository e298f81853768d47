#pragma once

#include "kernels/ref/wide.h"

namespace tercel::kernels {

// A tensor of heads [batch, head, sequence, column], by strides; [batch, sequence, head * column] is one too.
struct Heads {
  int64_t batch = 0, head = 0, sequence = 0;  // element strides; columns are dense
  int64_t at(int64_t b, int64_t h, int64_t s) const { return b * batch + h * head + s * sequence; }

  static Heads packed(int64_t length, int64_t heads, int64_t columns) {
    return {length * heads * columns, columns, heads * columns};
  }
  static Heads split(int64_t length, int64_t heads, int64_t columns) {
    return {heads * length * columns, length * columns, columns};
  }
};

template <typename T>
double dot(const T* a, const T* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += convert<double>(a[i]) * convert<double>(b[i]);
  return sum;
}

// Softmax of n values in place; all minus infinity gives NaN, as the definition does.
inline void softmax_in_place(double* values, int64_t n) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (int64_t i = 0; i < n; ++i)
    if (largest < values[i] || std::isnan(values[i])) largest = values[i];
  for (int64_t i = 0; i < n; ++i) sum += values[i] = std::exp(values[i] - largest);
  for (int64_t i = 0; i < n; ++i) values[i] /= sum;
}

}  // namespace tercel::kernels
