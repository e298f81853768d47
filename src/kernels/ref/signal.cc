// DFT, STFT, the windows and MelWeightMatrix.
#include "ops/signal.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/families.h"
#include "kernels/ref/fourier.h"
#include "kernels/ref/layout.h"
#include "kernels/ref/wide.h"

namespace tercel::kernels {

namespace {

using Complex = Fourier::Complex;

// Sample i of a line whose samples are `stride` elements apart and have 1 or 2 parts.
Complex load_sample(DType dtype, const void* data, int64_t at, int parts) {
  return {load_one<double>(dtype, data, at), parts == 2 ? load_one<double>(dtype, data, at + 1) : 0};
}

void store_sample(DType dtype, void* data, int64_t at, int parts, Complex value) {
  store_one(dtype, data, at, value.real());
  if (parts == 2) store_one(dtype, data, at + 1, value.imag());
}

// One line of a DFT: reads what there is, mirrors a one-sided spectrum, transforms.
void transform_line(const ops::DftParameters& p, const Fourier& fourier, int64_t given, Complex* line, Complex* scratch) {
  const bool mirrored = p.onesided && p.inverse;
  std::fill(line + std::min(given, p.length), line + p.length, Complex());
  if (mirrored) {
    line[0] = line[0].real();
    for (int64_t k = p.length / 2 + 1; k < p.length; ++k) line[k] = std::conj(line[p.length - k]);
    if (p.length % 2 == 0) line[p.length / 2] = line[p.length / 2].real();
  }
  fourier.run(line, scratch, p.inverse);
  if (p.inverse)
    for (int64_t k = 0; k < p.length; ++k) line[k] /= static_cast<double>(p.length);
}

Result<Kernel> bind_dft(const StepContext& c) {
  const Shape& shape = c.in(0).shape;
  const auto p = TRY(ops::dft_parameters(c.attributes, shape, c.has(1) ? TRY(need_constant(c, 1)) : nullptr,
                                         c.has(2) ? TRY(need_constant(c, 2)) : nullptr));
  const Fourier fourier(p.length);
  const int64_t extent = shape.size(p.axis), outer = shape.elements(0, p.axis),
                inner = shape.elements(p.axis + 1, shape.rank() - 1);
  const auto run = [=, dtype = c.in(0).dtype](const Buffers& b) {
    Complex* line = reinterpret_cast<Complex*>(b.scratch);
    const int64_t given = std::min(extent, p.onesided && p.inverse ? p.length / 2 + 1 : p.length);
    for (int64_t i = 0; i < outer * inner; ++i) {
      const int64_t from = (i / inner * extent * inner + i % inner) * p.in_parts,
                    to = (i / inner * p.out_extent * inner + i % inner) * p.out_parts;
      for (int64_t k = 0; k < given; ++k) line[k] = load_sample(dtype, b.in<void>(0), from + k * inner * p.in_parts, p.in_parts);
      transform_line(p, fourier, given, line, line + p.length);
      for (int64_t k = 0; k < p.out_extent; ++k)
        store_sample(dtype, b.out<void>(), to + k * inner * p.out_parts, p.out_parts, line[k]);
    }
  };
  return Kernel(run, static_cast<size_t>(p.length + fourier.scratch()) * sizeof(Complex));
}

Result<Kernel> bind_stft(const StepContext& c) {
  const Shape& signal = c.in(0).shape;
  const auto p = TRY(ops::stft_parameters(c.attributes, signal, *TRY(need_constant(c, 1)), c.has(2) ? c.in(2).shape.size(0) : -1,
                                          c.has(3) ? TRY(need_constant(c, 3)) : nullptr));
  const Fourier fourier(p.length);
  const int parts = static_cast<int>(signal.size(2));
  const auto run = [=, dtype = c.in(0).dtype, batches = signal.size(0), samples = signal.size(1),
                    has_window = c.has(2)](const Buffers& b) {
    Complex* frame = reinterpret_cast<Complex*>(b.scratch);
    for (int64_t i = 0; i < batches * p.frames; ++i) {
      const int64_t start = i / p.frames * samples + i % p.frames * p.step;
      for (int64_t k = 0; k < p.length; ++k)
        frame[k] = load_sample(dtype, b.in<void>(0), (start + k) * parts, parts) *
                   (has_window ? load_one<double>(dtype, b.in<void>(2), k) : 1.0);
      fourier.run(frame, frame + p.length, false);
      for (int64_t k = 0; k < p.bins; ++k) store_sample(dtype, b.out<void>(), (i * p.bins + k) * 2, 2, frame[k]);
    }
  };
  return Kernel(run, static_cast<size_t>(p.length + fourier.scratch()) * sizeof(Complex));
}

// A window is a constant plus cosines of once and twice the angle; only the constants tell the three apart.
struct Window {
  double constant, once, twice;
};
constexpr Window kHann{0.5, -0.5, 0}, kHamming{25.0 / 46, -21.0 / 46, 0}, kBlackman{0.42, -0.5, 0.08};

template <const Window& kWindow>
Result<Kernel> bind_window(const StepContext& c) {
  const bool periodic = c.attributes.get_int("periodic", 1) != 0;
  return Kernel([periodic, dtype = c.out().dtype, size = c.out().shape.size(0)](const Buffers& b) {
    const int64_t period = periodic ? size : size - 1;
    for (int64_t i = 0; i < size; ++i) {
      const double angle =
          period == 0 ? std::numbers::pi : 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(period);
      store_one(dtype, b.out<void>(), i, kWindow.constant + kWindow.once * std::cos(angle) + kWindow.twice * std::cos(2 * angle));
    }
  });
}

// The triangle of one band, between spectrogram bins low, center and high.
void store_band(DType dtype, void* out, int64_t bins, int64_t bands, int64_t band, int64_t low, int64_t center, int64_t high) {
  const auto store = [&](int64_t bin, double weight) {
    if (bin >= 0 && bin < bins) store_one(dtype, out, bin * bands + band, weight);
  };
  if (low == center) store(center, 1);
  for (int64_t bin = std::max<int64_t>(low, 0); low < center && bin <= std::min(center, bins - 1); ++bin)
    store(bin, static_cast<double>(bin - low) / static_cast<double>(center - low));
  for (int64_t bin = std::max<int64_t>(center, 0); bin < std::min(high, bins); ++bin)
    store(bin, static_cast<double>(high - bin) / static_cast<double>(high - center));
}

Result<Kernel> bind_mel_weight_matrix(const StepContext& c) {
  const auto length = static_cast<double>(
      TRY(need_constant(c, 1))->elements() == 1 ? element_as_int(c.in(1).dtype, c.constant(1)->data(), 0) : 0);
  return Kernel(
      [=, rate_type = c.in(2).dtype, low_type = c.in(3).dtype, high_type = c.in(4).dtype, out = c.out()](const Buffers& b) {
        const int64_t bins = out.shape.size(0), bands = out.shape.size(1);
        for (int64_t i = 0; i < bins * bands; ++i) store_one(out.dtype, b.out<void>(), i, 0.0);
        const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
        const double low = mel(element_as_double(low_type, b.in<void>(3), 0)),
                     high = mel(element_as_double(high_type, b.in<void>(4), 0));
        const double step = (high - low) / static_cast<double>(bands + 2), rate = element_as_double(rate_type, b.in<void>(2), 0);
        // Bins far outside the spectrogram do not show; the limits keep integers sane whatever the inputs are.
        const auto bin_of = [&](int64_t i) {
          const double hertz = 700 * (std::pow(10, (static_cast<double>(i) * step + low) / 2595) - 1);
          const double bin = std::floor((length + 1) * hertz / rate);
          return convert<int64_t>(std::clamp(std::isnan(bin) ? -1 : bin, -0x1p40, 0x1p40));
        };
        for (int64_t band = 0; band < bands; ++band)
          store_band(out.dtype, b.out<void>(), bins, bands, band, bin_of(band), bin_of(band + 1), bin_of(band + 2));
      });
}

constexpr KernelRow kRows[] = {
    {"DFT", "dft/ref", platform::kPortable, nullptr, bind_dft},
    {"STFT", "stft/ref", platform::kPortable, nullptr, bind_stft},
    {"HannWindow", "hannwindow/ref", platform::kPortable, nullptr, bind_window<kHann>},
    {"HammingWindow", "hammingwindow/ref", platform::kPortable, nullptr, bind_window<kHamming>},
    {"BlackmanWindow", "blackmanwindow/ref", platform::kPortable, nullptr, bind_window<kBlackman>},
    {"MelWeightMatrix", "melweightmatrix/ref", platform::kPortable, nullptr, bind_mel_weight_matrix},
};

}  // namespace

std::span<const KernelRow> ref_signal_rows() { return kRows; }

}  // namespace tercel::kernels
