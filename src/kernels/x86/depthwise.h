#pragma once

#include "kernels/x86/leaf.h"
#include "kernels/x86/vector_math.h"

// Depthwise convolution: vectors run over channels, a tile is several neighbouring pixels of one row, so that an input
// column loaded once serves every pixel that it is a tap of.
namespace tercel::kernels::x86 {

template <class L>
[[gnu::noinline]] typename L::V activate_apart(typename L::V x, const Epilogue& epilogue) {
  return activate_v<L>(x, epilogue);
}

template <class L>
[[gnu::always_inline]] inline void depthwise_end(typename L::V sum, const float* bias, const float* residual, float* out,
                                                 const Epilogue& epilogue) {
  if (bias) sum = L::add(sum, L::load(bias));
  if (residual) sum = L::add(sum, L::load(residual));
  L::store(out, epilogue.is_clamp ? clamp_v<L>(sum, epilogue.low, epilogue.high) : activate_apart<L>(sum, epilogue));
}

// P pixels, one vector of channels. kInside: no tap lies left or right of the input.
template <class L, int KW, int S, int P, bool kInside>
[[gnu::always_inline]] inline void depthwise_tile(const DepthwiseRun& a, int64_t pixel, int64_t c) {
  constexpr int kColumns = (P - 1) * S + KW;
  typename L::V sum[P];
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p) sum[p] = L::zero();
  const int64_t first = a.left + pixel * S;
  const float* input = a.input + first * a.channels + c;
  const float* weights = a.weights + c;
  for (int64_t y = 0; y < a.kernel_rows; ++y, input += a.row_stride, weights += KW * a.channels) {
    typename L::V column[kColumns];
#pragma GCC unroll 16
    for (int x = 0; x < kColumns; ++x) {
      const bool inside = kInside || static_cast<uint64_t>(first + x) < static_cast<uint64_t>(a.width);
      column[x] = inside ? L::load(input + x * a.channels) : L::zero();
      L::pin(column[x]);  // or the compiler loads it again for every pixel
    }
#pragma GCC unroll 8
    for (int x = 0; x < KW; ++x) {
      const auto w = L::load(weights + x * a.channels);
#pragma GCC unroll 8
      for (int p = 0; p < P; ++p) sum[p] = L::fma(column[p * S + x], w, sum[p]);
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p) {
    const int64_t at = (pixel + p) * a.channels + c;
    depthwise_end<L>(sum[p], a.bias ? a.bias + c : nullptr, a.residual ? a.residual + at : nullptr, a.out + at, a.epilogue);
  }
}

// A ragged last vector and a ragged last tile overlap their neighbours: the same values are written twice.
template <class L, int KW, int S, int P, bool kInside>
[[gnu::always_inline]] inline void depthwise_channels(const DepthwiseRun& a, int64_t pixel) {
  int64_t c = a.channel_begin;
  for (; c + L::kLanes <= a.channel_end; c += L::kLanes) depthwise_tile<L, KW, S, P, kInside>(a, pixel, c);
  if (c < a.channel_end) depthwise_tile<L, KW, S, P, kInside>(a, pixel, a.channel_end - L::kLanes);
}

template <class L, int KW, int S, int P>
[[gnu::always_inline]] inline void depthwise_pixels(const DepthwiseRun& a, int64_t pixel) {
  const int64_t first = a.left + pixel * S;
  if (first >= 0 && first + (P - 1) * S + KW <= a.width) depthwise_channels<L, KW, S, P, true>(a, pixel);
  else depthwise_channels<L, KW, S, P, false>(a, pixel);
}

template <class L, int KW, int S>
void depthwise_run(const DepthwiseRun& run) {
  const DepthwiseRun a = run;  // a copy that stores cannot change, for stores of vectors may alias anything
  constexpr int kP = 4;
  int64_t pixel = 0;
  for (; pixel + kP <= a.pixels; pixel += kP) depthwise_pixels<L, KW, S, kP>(a, pixel);
  if (pixel == a.pixels) return;
  if (a.pixels >= kP) return depthwise_pixels<L, KW, S, kP>(a, a.pixels - kP);
  for (; pixel < a.pixels; ++pixel) depthwise_pixels<L, KW, S, 1>(a, pixel);
}

template <class L>
void depthwise_pixel(const DepthwisePixel& pixel) {
  const DepthwisePixel a = pixel;
  for (int64_t c = 0; c < a.channels; c += L::kLanes) {
    const int64_t at = c + L::kLanes <= a.channels ? c : a.channels - L::kLanes;
    auto sum = L::zero();
    for (int64_t t = 0; t < a.taps; ++t) sum = L::fma(L::load(a.inputs[t] + at), L::load(a.weights[t] + at), sum);
    depthwise_end<L>(sum, a.bias ? a.bias + at : nullptr, a.residual ? a.residual + at : nullptr, a.out + at, a.epilogue);
  }
}

}  // namespace tercel::kernels::x86
