#pragma once

#include <algorithm>

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

// Columns of a tile that lie outside the input.
struct Edges {
  int left = 0, right = 0;  // how many, known when compiling
  bool any = false;         // or each is asked
};

// One output row: its place, and the kernel rows whose input row exists.
struct DepthwiseRow {
  const float *input, *weights, *residual;  // input: column 0 of the first of these input rows
  float* out;
  int64_t kernel_rows, row_stride;  // floats from one kernel row's input row to the next
};

// P pixels, one vector of channels.
template <class L, int KW, int S, int P, Edges kEdges>
[[gnu::always_inline]] inline void depthwise_tile(const DepthwiseRows& a, const DepthwiseRow& row, int64_t pixel, int64_t c) {
  constexpr int kColumns = (P - 1) * S + KW;
  constexpr auto known = [](int x) { return x >= kEdges.left && x < kColumns - kEdges.right; };
  typename L::V sum[P];
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p) sum[p] = L::zero();
  const int64_t first = a.left + pixel * S;
  const float* input = row.input + first * a.channels + c;
  const float* weights = row.weights + c;
  for (int64_t y = 0; y < row.kernel_rows; ++y, input += row.row_stride, weights += KW * a.channels) {
    typename L::V column[kColumns];
#pragma GCC unroll 16
    for (int x = 0; x < kColumns; ++x) {
      if (!known(x)) continue;
      const bool inside = !kEdges.any || static_cast<uint64_t>(first + x) < static_cast<uint64_t>(a.width);
      column[x] = inside ? L::load(input + x * a.channels) : L::zero();
      L::pin(column[x]);  // or the compiler loads it again for every pixel
    }
#pragma GCC unroll 8
    for (int x = 0; x < KW; ++x) {
      const auto w = L::load(weights + x * a.channels);
#pragma GCC unroll 8
      for (int p = 0; p < P; ++p)
        if (known(p * S + x)) sum[p] = L::fma(column[p * S + x], w, sum[p]);
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p) {
    const int64_t at = (pixel + p) * a.channels + c;
    depthwise_end<L>(sum[p], a.bias ? a.bias + c : nullptr, row.residual ? row.residual + at : nullptr, row.out + at, a.epilogue);
  }
}

// A ragged last vector and a ragged last tile overlap their neighbours: the same values are written twice.
template <class L, int KW, int S, int P, Edges kEdges>
[[gnu::always_inline]] inline void depthwise_channels(const DepthwiseRows& a, const DepthwiseRow& row, int64_t pixel) {
  int64_t c = a.channel_begin;
  for (; c + L::kLanes <= a.channel_end; c += L::kLanes) depthwise_tile<L, KW, S, P, kEdges>(a, row, pixel, c);
  if (c < a.channel_end) depthwise_tile<L, KW, S, P, kEdges>(a, row, pixel, a.channel_end - L::kLanes);
}

template <class L, int KW, int S, int P>
[[gnu::always_inline]] inline void depthwise_pixels(const DepthwiseRows& a, const DepthwiseRow& row, int64_t pixel) {
  const int64_t left = a.left + pixel * S, right = left + (P - 1) * S + KW - a.width;  // columns outside: -left, right
  if (left >= 0 && right <= 0) return depthwise_channels<L, KW, S, P, Edges{}>(a, row, pixel);
  if constexpr (KW == 3 && P > 1) {
    if (left == -1 && right <= 0) return depthwise_channels<L, KW, S, P, Edges{1, 0}>(a, row, pixel);
    if (left >= 0 && right == 1) return depthwise_channels<L, KW, S, P, Edges{0, 1}>(a, row, pixel);
    if (left == -1 && right == 1) return depthwise_channels<L, KW, S, P, Edges{1, 1}>(a, row, pixel);
  }
  depthwise_channels<L, KW, S, P, Edges{.any = true}>(a, row, pixel);
}

template <class L, int KW, int S>
[[gnu::always_inline]] inline void depthwise_row(const DepthwiseRows& a, const DepthwiseRow& row) {
  // As many pixels as leave 16 registers enough for the columns they share; rows are cut evenly.
  constexpr int kP = S == 1 ? 5 : 4;
  const int64_t tiles = (a.out_width + kP - 1) / kP, wide = a.out_width - tiles * (kP - 1);
  int64_t pixel = 0;
  for (int64_t tile = 0; tile < wide; ++tile, pixel += kP) depthwise_pixels<L, KW, S, kP>(a, row, pixel);
  for (; pixel + kP - 1 <= a.out_width; pixel += kP - 1) depthwise_pixels<L, KW, S, kP - 1>(a, row, pixel);
  if (pixel == a.out_width) return;
  if (a.out_width >= kP - 1) return depthwise_pixels<L, KW, S, kP - 1>(a, row, a.out_width - (kP - 1));
  for (; pixel < a.out_width; ++pixel) depthwise_pixels<L, KW, S, 1>(a, row, pixel);
}

template <class L, int KW, int S>
void depthwise_rows(const DepthwiseRows& rows) {
  const DepthwiseRows a = rows;  // a copy that stores cannot change, for stores of vectors may alias anything
  const int64_t line = a.width * a.channels;
  for (int64_t index = a.row_begin; index < a.row_end; ++index) {
    const int64_t n = index / a.out_height, top = a.top + index % a.out_height * a.row_step;
    // Kernel rows whose input row exists: [first, last).
    const int64_t first = top >= 0 ? 0 : std::min(a.kernel_rows, (-top + a.tap_step - 1) / a.tap_step);
    const int64_t last =
        top >= a.height ? first : std::clamp((a.height - top + a.tap_step - 1) / a.tap_step, first, a.kernel_rows);
    const int64_t at = index * a.out_width * a.channels, in_row = last > first ? n * a.height + top + first * a.tap_step : 0;
    depthwise_row<L, KW, S>(a, {a.input + in_row * line, a.weights + first * KW * a.channels,
                                a.residual ? a.residual + at : nullptr, a.out + at, last - first, a.tap_step * line});
  }
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
