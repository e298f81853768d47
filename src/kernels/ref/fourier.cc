#include "kernels/ref/fourier.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

namespace tercel::kernels {

namespace {

std::complex<double> turn(double fraction) { return std::polar(1.0, -2 * std::numbers::pi * fraction); }

// Without the checks for infinities that std::complex multiplication makes.
std::complex<double> times(std::complex<double> a, std::complex<double> b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

}  // namespace

Fourier::Fourier(int64_t length) : length_(length), padded_(length) {
  const auto n = static_cast<uint64_t>(length);
  const bool direct = std::has_single_bit(n);
  if (!direct) padded_ = static_cast<int64_t>(std::bit_ceil(2 * n - 1));
  for (int64_t k = 0; k < padded_ / 2; ++k) roots_.push_back(turn(static_cast<double>(k) / static_cast<double>(padded_)));
  if (direct) return;
  // n^2 modulo 2 * length keeps the angle exact.
  for (uint64_t i = 0; i < n; ++i) chirp_.push_back(turn(static_cast<double>(i * i % (2 * n)) / static_cast<double>(2 * n)));
  filter_.resize(static_cast<size_t>(padded_));
  for (size_t i = 0; i < n; ++i) {
    filter_[i] = std::conj(chirp_[i]);
    if (i) filter_[static_cast<size_t>(padded_) - i] = filter_[i];
  }
  run_radix2(filter_.data());
}

void Fourier::run_radix2(Complex* data) const {
  for (int64_t i = 1, j = 0; i < padded_; ++i) {  // bit-reversed order
    int64_t bit = padded_ >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(data[i], data[j]);
  }
  for (int64_t half = 1; half < padded_; half *= 2) {
    const int64_t step = padded_ / (2 * half);
    for (int64_t block = 0; block < padded_; block += 2 * half) {
      for (int64_t k = 0; k < half; ++k) {
        const Complex even = data[block + k], odd = times(roots_[static_cast<size_t>(k * step)], data[block + half + k]);
        data[block + k] = even + odd;
        data[block + half + k] = even - odd;
      }
    }
  }
}

void Fourier::run(Complex* data, Complex* scratch, bool inverse) const {
  // The inverse is the conjugate of the transform of the conjugate.
  if (inverse) std::transform(data, data + length_, data, [](Complex z) { return std::conj(z); });
  if (chirp_.empty()) {
    run_radix2(data);
  } else {
    for (int64_t i = 0; i < length_; ++i) scratch[i] = times(data[i], chirp_[static_cast<size_t>(i)]);
    std::fill(scratch + length_, scratch + padded_, Complex());
    run_radix2(scratch);
    for (int64_t i = 0; i < padded_; ++i) scratch[i] = std::conj(times(scratch[i], filter_[static_cast<size_t>(i)]));
    run_radix2(scratch);
    for (int64_t i = 0; i < length_; ++i)
      data[i] = times(std::conj(scratch[i]), chirp_[static_cast<size_t>(i)]) / static_cast<double>(padded_);
  }
  if (inverse) std::transform(data, data + length_, data, [](Complex z) { return std::conj(z); });
}

}  // namespace tercel::kernels
