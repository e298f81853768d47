#include <cmath>
#include <complex>
#include <numbers>

#include "kernels/ref/fourier.h"
#include "kernels/ref/test_tensors.h"

namespace tercel::kernels {
namespace {

// By the definition, for every kind of length: powers of two, odd, prime, composite.
TEST(Fourier, AgreesWithTheDefinition) {
  std::mt19937_64 random(test_seed());
  std::uniform_real_distribution<double> draw(-1, 1);
  for (const int64_t n : {1, 2, 3, 4, 5, 7, 12, 16, 17, 31, 60, 64, 100, 127}) {
    SCOPED_TRACE(n);
    const Fourier fourier(n);
    std::vector<Fourier::Complex> x(static_cast<size_t>(n)), scratch(static_cast<size_t>(fourier.scratch()));
    for (auto& z : x) z = {draw(random), draw(random)};
    for (const bool inverse : {false, true}) {
      auto y = x;
      fourier.run(y.data(), scratch.data(), inverse);
      for (int64_t k = 0; k < n; ++k) {
        Fourier::Complex sum = 0;
        for (int64_t i = 0; i < n; ++i)
          sum += x[static_cast<size_t>(i)] *
                 std::polar(1.0, (inverse ? 2 : -2) * std::numbers::pi * static_cast<double>(i * k % n) / static_cast<double>(n));
        ASSERT_LT(std::abs(y[static_cast<size_t>(k)] - sum), 1e-12 * static_cast<double>(n));
      }
    }
  }
}

TEST(Signal, Transforms) {
  const auto onesided = attributes({{"onesided", int64_t{1}}}), inverse = attributes({{"inverse", int64_t{1}}});
  const auto real_inverse = attributes({{"onesided", int64_t{1}}, {"inverse", int64_t{1}}});
  check_values({
      {"real", "DFT", {}, {f32({1, 4, 1}, {1, 2, 3, 4})}, f32({1, 4, 2}, {10, 0, -2, 2, -2, 0, -2, -2})},
      {"one-sided", "DFT", onesided, {f32({1, 4, 1}, {1, 2, 3, 4})}, f32({1, 3, 2}, {10, 0, -2, 2, -2, 0})},
      {"complex", "DFT", {}, {f32({1, 2, 2}, {1, 1, 2, -1})}, f32({1, 2, 2}, {3, 0, -1, 2})},
      {"back", "DFT", inverse, {f32({1, 4, 2}, {10, 0, -2, 2, -2, 0, -2, -2})}, f32({1, 4, 2}, {1, 0, 2, 0, 3, 0, 4, 0})},
      {"back to real", "DFT", real_inverse, {f32({1, 3, 2}, {10, 0, -2, 2, -2, 0})}, f32({1, 4, 1}, {1, 2, 3, 4})},
      {"back to real, odd",
       "DFT",
       real_inverse,
       {f32({1, 2, 2}, {6, 0, -1.5, 0.8660254}), i64({}, {3})},
       f32({1, 3, 1}, {1, 2, 3})},
      {"padded with zeros", "DFT", {}, {f32({1, 1, 1}, {5}), i64({}, {2})}, f32({1, 2, 2}, {5, 0, 5, 0})},
      {"cut", "DFT", {}, {f32({1, 3, 1}, {1, 2, 9}), i64({}, {2})}, f32({1, 2, 2}, {3, 0, -1, 0})},
      {"first axis",
       "DFT",
       {},
       {f32({2, 2, 1}, {1, 2, 3, 4}), std::nullopt, i64({}, {0})},
       f32({2, 2, 2}, {4, 0, 6, 0, -2, 0, -2, 0})},
      {"frames",
       "STFT",
       {},
       {f32({1, 4, 1}, {1, 2, 3, 4}), i64({}, {2}), std::nullopt, i64({}, {2})},
       f32({1, 2, 2, 2}, {3, 0, -1, 0, 7, 0, -1, 0})},
      {"windowed frames, both sides",
       "STFT",
       attributes({{"onesided", int64_t{0}}}),
       {f32({1, 3, 1}, {1, 2, 3}), i64({}, {1}), f32({2}, {1, 0.5})},
       f32({1, 2, 2, 2}, {2, 0, 0, 0, 3.5, 0, 0.5, 0})},
  });
}

TEST(Signal, Windows) {
  const auto symmetric = attributes({{"periodic", int64_t{0}}});
  check_values({
      {"periodic", "HannWindow", {}, {i64({}, {4})}, f32({4}, {0, 0.5, 1, 0.5})},
      {"symmetric", "HannWindow", symmetric, {i64({}, {5})}, f32({5}, {0, 0.5, 1, 0.5, 0})},
      {"one", "HannWindow", symmetric, {i64({}, {1})}, f32({1}, {1})},
      {"none", "HannWindow", {}, {i64({}, {0})}, f32({0}, {})},
      {"hamming", "HammingWindow", symmetric, {i32({}, {3})}, f32({3}, {4.0 / 46, 1, 4.0 / 46})},
      {"blackman, double",
       "BlackmanWindow",
       attributes({{"periodic", int64_t{0}}, {"output_datatype", int64_t{11}}}),
       {i64({}, {3})},
       f64({3}, {0, 1, 0})},
      {"mel bands",
       "MelWeightMatrix",
       {},
       {i64({}, {2}), i64({}, {8}), i64({}, {16}), f32({}, {0}), f32({}, {8})},
       f32({5, 2}, {0, 0, 1, 0, 0, 1, 0, 0, 0, 0})},
  });
}

TEST(Signal, Refusals) {
  check_refusals({
      {"DFT", {}, {f32({1, 4, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})}, "must be 1 (real) or 2 (complex)"},
      {"DFT", {}, {f32({1, 2, 1}, {1, 2}), std::nullopt, i64({}, {2})}, "real and imaginary parts"},
      {"DFT", {}, {f32({1, 2, 1}, {1, 2}), i64({}, {0})}, "dft_length is 0"},
      {"DFT", {}, {f32({1, 2, 1}, {1, 2}), i64({}, {INT64_MAX})}, "dft_length"},
      {"DFT", {}, {f32({1, 0, 1}, {})}, "a DFT of 0 samples"},
      {"DFT", attributes({{"onesided", int64_t{1}}}), {f32({1, 1, 2}, {1, 2})}, "takes real input"},
      {"STFT", {}, {f32({1, 4, 1}, {1, 2, 3, 4}), i64({}, {0}), std::nullopt, i64({}, {2})}, "frame step"},
      {"STFT", {}, {f32({1, 4, 1}, {1, 2, 3, 4}), i64({}, {1}), std::nullopt, i64({}, {5})}, "frames of 5 samples"},
      {"STFT", {}, {f32({1, 4, 1}, {1, 2, 3, 4}), i64({}, {1}), f32({2}, {1, 1}), i64({}, {3})}, "window of the STFT has 2"},
      {"HannWindow", {}, {i64({}, {-1})}, "size of the window is -1"},
      {"MelWeightMatrix", {}, {i64({}, {-1}), i64({}, {8}), i64({}, {16}), f32({}, {0}), f32({}, {8})}, "-1 bands"},
  });
}

}  // namespace
}  // namespace tercel::kernels
