#pragma once

#include "kernels/x86/leaf.h"
#include "kernels/x86/vector_math.h"

// The inner loops of every product: a tile of MR rows by NV vectors of sums held in registers.
namespace tercel::kernels::x86 {

// One line of the panel against one float of each row.
template <class L, int MR, int NV>
[[gnu::always_inline]] inline void tile_step(typename L::V (&sum)[MR][NV], const float* const (&row)[MR], int64_t k,
                                             const float* weights) {
  typename L::V w[NV];
#pragma GCC unroll 4
  for (int j = 0; j < NV; ++j) w[j] = L::load(weights + j * L::kLanes);
#pragma GCC unroll 14
  for (int i = 0; i < MR; ++i) {
    const auto x = L::broadcast(row[i] + k);
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) sum[i][j] = L::fma(x, w[j], sum[i][j]);
  }
}

// Small tiles keep several sets of sums, for a chain of dependent multiply-adds is as long as their latency.
template <int MR, int NV>
inline constexpr int kSets = MR* NV >= 8   ? 1
                             : MR* NV >= 4 ? 2
                                           : 4;

template <class L, int MR, int NV>
void tile(const TileArgs& a) {
  constexpr int kLanes = L::kLanes, kWidth = NV * kLanes, kS = kSets<MR, NV>;
  typename L::V sum[kS][MR][NV];
#pragma GCC unroll 4
  for (int s = 0; s < kS; ++s)
#pragma GCC unroll 14
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) sum[s][i][j] = s == 0 && a.resume ? L::load(a.partial + i * kWidth + j * kLanes) : L::zero();

  const float* weights = a.weights;
  const float* const* starts = a.rows;
  const int64_t length = a.length, stride = MR <= kStridedRows ? a.weight_stride : kWidth;
  for (int64_t run = 0; run < a.runs; ++run, starts += MR) {
    const float* row[MR];
#pragma GCC unroll 14
    for (int i = 0; i < MR; ++i) row[i] = starts[i];
    int64_t k = 0;
    for (; k + kS <= length; k += kS) {
#pragma GCC unroll 4
      for (int s = 0; s < kS; ++s, weights += stride) tile_step<L, MR, NV>(sum[s], row, k + s, weights);
    }
    if constexpr (kS > 1)
      for (; k < length; ++k, weights += stride) tile_step<L, MR, NV>(sum[0], row, k, weights);
  }

#pragma GCC unroll 14
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      if constexpr (kS == 2) sum[0][i][j] = L::add(sum[0][i][j], sum[1][i][j]);
      if constexpr (kS == 4) sum[0][i][j] = L::add(L::add(sum[0][i][j], sum[1][i][j]), L::add(sum[2][i][j], sum[3][i][j]));
    }

  if (!a.store) {
#pragma GCC unroll 14
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) L::store(a.partial + i * kWidth + j * kLanes, sum[0][i][j]);
    return;
  }
  if (a.bias) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      const auto bias = L::load(a.bias + j * kLanes);
#pragma GCC unroll 14
      for (int i = 0; i < MR; ++i) sum[0][i][j] = L::add(sum[0][i][j], bias);
    }
  }
  if (const float* residual = a.residual) {
    const int64_t residual_stride = a.residual_stride;
#pragma GCC unroll 14
    for (int i = 0; i < MR; ++i, residual += residual_stride)
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) sum[0][i][j] = L::add(sum[0][i][j], L::load(residual + j * kLanes));
  }
  // Read before the first store, for stores of vectors may alias anything.
  float* out = a.out;
  const int64_t out_stride = a.out_stride;
  const auto low = L::set(a.epilogue.low), high = L::set(a.epilogue.high);
#pragma GCC unroll 14
  for (int i = 0; i < MR; ++i, out += out_stride)
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) L::store(out + j * kLanes, L::min(high, L::max(low, sum[0][i][j])));
}

// The general end of a tile, from `partial`: any activation, any number of columns.
template <class L>
void finish_tile(const TileArgs& args, int rows, int width) {
  const TileArgs a = args;
  constexpr int kLanes = L::kLanes;
  for (int64_t j = 0; j < width && j < a.columns; j += kLanes) {
    const int wanted = a.columns - j < kLanes ? static_cast<int>(a.columns - j) : kLanes;
    const auto bias = a.bias ? L::load_part(a.bias + j, wanted) : L::zero();
    const float* partial = a.partial + j;
    const float* residual = a.residual ? a.residual + j : nullptr;
    float* out = a.out + j;
    for (int i = 0; i < rows; ++i, partial += width, residual += residual ? a.residual_stride : 0, out += a.out_stride) {
      auto v = L::add(L::load(partial), bias);
      if (residual) v = L::add(v, L::load_part(residual, wanted));
      L::store_part(out, wanted, activate_v<L>(v, a.epilogue));
    }
  }
}

// Blocks of lanes x lanes, through the leaf's register transpose; the rest one by one.
template <class L>
void transpose_lines(const float* in, int64_t in_stride, float* out, int64_t out_stride, int64_t width, int64_t count,
                     float scale) {
  constexpr int kBlock = L::kTransposeBlock;
  const int64_t full_width = width / kBlock * kBlock, full_count = count / kBlock * kBlock;
  for (int64_t i = 0; i < full_width; i += kBlock)
    for (int64_t j = 0; j < full_count; j += kBlock)
      L::transpose(in + i * in_stride + j, in_stride, out + j * out_stride + i, out_stride, scale);
  for (int64_t i = 0; i < width; ++i)
    for (int64_t j = i < full_width ? full_count : 0; j < count; ++j) out[j * out_stride + i] = scale * in[i * in_stride + j];
}

}  // namespace tercel::kernels::x86
