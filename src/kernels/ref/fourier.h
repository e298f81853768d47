#pragma once

#include <complex>
#include <cstdint>
#include <vector>

namespace tercel::kernels {

// A discrete Fourier transform of `length` samples in double: radix 2 for powers of two, Bluestein's chirp transform (a
// convolution by transforms of a power of two) for all others. Tables are made once; run() is const and allocates nothing.
class Fourier {
 public:
  using Complex = std::complex<double>;

  explicit Fourier(int64_t length);

  // Elements of scratch that run() needs.
  int64_t scratch() const { return chirp_.empty() ? 0 : padded_; }

  // Transforms `data` in place: sum of data[n] exp(-+2 pi i k n / length); the inverse is not divided by the length.
  void run(Complex* data, Complex* scratch, bool inverse) const;

 private:
  void run_radix2(Complex* data) const;

  int64_t length_, padded_;
  std::vector<Complex> roots_;   // exp(-2 pi i k / padded), k < padded / 2
  std::vector<Complex> chirp_;   // exp(-pi i n^2 / length); empty for powers of two
  std::vector<Complex> filter_;  // transform of the conjugate chirp, over padded_
};

}  // namespace tercel::kernels
