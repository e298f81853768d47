#include "kernels/simd/recurrent_leaves.h"

#include <algorithm>

#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/recurrent_leaves.cc"
#include "hwy/foreach_target.h"
#include "kernels/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tercel::kernels::simd::HWY_NAMESPACE {
namespace {

// Vectors of columns that are done together: with four rows, half of the registers.
constexpr size_t kVectorsOfRow = 4, kVectorsOfTile = HWY_TARGET <= HWY_AVX3 ? 4 : 2;
// Independent sums that keep the multipliers busy when there is one row.
constexpr size_t kSumsAtOnce = 8;

template <size_t kRows, size_t kVectors>
HWY_INLINE void product_tile(const PanelProduct& p, size_t row, size_t column) {
  VecF sums[kRows][kVectors];
  for (size_t r = 0; r < kRows; ++r)
    for (size_t v = 0; v < kVectors; ++v) sums[r][v] = load(p.init + (row + r) * p.init_step + column + v * kLanes);
  const float* x = p.x + row * p.x_step;
  const float* weights = p.panel + column;
  for (size_t k = 0; k < p.depth; ++k, weights += p.panel_step) {
    VecF w[kVectors];
    for (size_t v = 0; v < kVectors; ++v) w[v] = load(weights + v * kLanes);
    for (size_t r = 0; r < kRows; ++r) {
      const VecF element = splat(x[r * p.x_step + k]);
      for (size_t v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(element, w[v], sums[r][v]);
    }
  }
  for (size_t r = 0; r < kRows; ++r)
    for (size_t v = 0; v < kVectors; ++v) store(sums[r][v], p.out + (row + r) * p.out_step + column + v * kLanes);
}

// One row: the elements of x go round kSplit sets of sums.
template <size_t kVectors>
HWY_INLINE void product_row(const PanelProduct& p, size_t row, size_t column) {
  constexpr size_t kSplit = kSumsAtOnce / kVectors;
  VecF sums[kSplit][kVectors];
  for (size_t s = 0; s < kSplit; ++s)
    for (size_t v = 0; v < kVectors; ++v)
      sums[s][v] = s ? hn::Zero(F32()) : load(p.init + row * p.init_step + column + v * kLanes);
  const float* x = p.x + row * p.x_step;
  const float* weights = p.panel + column;
  size_t k = 0;
  for (; k + kSplit <= p.depth; k += kSplit)
    for (size_t s = 0; s < kSplit; ++s)
      for (size_t v = 0; v < kVectors; ++v)
        sums[s][v] = hn::MulAdd(splat(x[k + s]), load(weights + (k + s) * p.panel_step + v * kLanes), sums[s][v]);
  for (; k < p.depth; ++k)
    for (size_t v = 0; v < kVectors; ++v)
      sums[0][v] = hn::MulAdd(splat(x[k]), load(weights + k * p.panel_step + v * kLanes), sums[0][v]);
  for (size_t v = 0; v < kVectors; ++v) {
    for (size_t s = 1; s < kSplit; ++s) sums[0][v] = hn::Add(sums[0][v], sums[s][v]);
    store(sums[0][v], p.out + row * p.out_step + column + v * kLanes);
  }
}

template <size_t kVectors>
HWY_INLINE void product_columns(const PanelProduct& p, size_t column) {
  size_t row = 0;
  for (; row + 4 <= p.rows; row += 4) product_tile<4, kVectors>(p, row, column);
  if (p.rows - row == 3) return product_tile<3, kVectors>(p, row, column);
  if (p.rows - row == 2) return product_tile<2, kVectors>(p, row, column);
  if (p.rows - row == 1) product_row<kVectors>(p, row, column);
}

void product(const PanelProduct& p) {
  const size_t at_most = p.rows == 1 ? kVectorsOfRow : kVectorsOfTile;
  for (size_t column = 0; column < p.columns;) {
    const size_t vectors = std::min((p.columns - column) / kLanes, at_most);
    switch (vectors) {
      case 1: product_columns<1>(p, column); break;
      case 2: product_columns<2>(p, column); break;
      case 3: product_columns<3>(p, column); break;
      default: product_columns<4>(p, column); break;
    }
    column += vectors * kLanes;
  }
}

HWY_INLINE VecF gate(const float* x_gates, const float* h_gates, size_t index, size_t j) {
  return hn::Add(load(x_gates + index * kUnits + j), load(h_gates + index * kUnits + j));
}

void lstm(const float* x_gates, const float* h_gates, const float* c, float* c_next, float* h_next) {
  for (size_t j = 0; j < kUnits; j += kLanes) {
    const VecF input = sigmoid_of(gate(x_gates, h_gates, 0, j)), forget = sigmoid_of(gate(x_gates, h_gates, 2, j));
    const VecF cell = hn::MulAdd(forget, load(c + j), hn::Mul(input, tanh_of(gate(x_gates, h_gates, 3, j))));
    store(cell, c_next + j);
    store(hn::Mul(sigmoid_of(gate(x_gates, h_gates, 1, j)), tanh_of(cell)), h_next + j);
  }
}

// (1 - update) * candidate + update * h
HWY_INLINE VecF mixed(VecF update, VecF candidate, VecF h) { return hn::MulAdd(update, hn::Sub(h, candidate), candidate); }

void gru_linear(const float* x_gates, const float* h_gates, const float* h, float* h_next) {
  for (size_t j = 0; j < kUnits; j += kLanes) {
    const VecF update = sigmoid_of(gate(x_gates, h_gates, 0, j)), reset = sigmoid_of(gate(x_gates, h_gates, 1, j));
    const VecF candidate = tanh_of(hn::MulAdd(reset, load(h_gates + 2 * kUnits + j), load(x_gates + 2 * kUnits + j)));
    store(mixed(update, candidate, load(h + j)), h_next + j);
  }
}

void gru_reset(const float* x_gates, const float* h_gates, const float* h, float* reset_h) {
  for (size_t j = 0; j < kUnits; j += kLanes) store(hn::Mul(sigmoid_of(gate(x_gates, h_gates, 1, j)), load(h + j)), reset_h + j);
}

void gru(const float* x_gates, const float* h_gates, const float* h, float* h_next) {
  for (size_t j = 0; j < kUnits; j += kLanes) {
    const VecF update = sigmoid_of(gate(x_gates, h_gates, 0, j)), candidate = tanh_of(gate(x_gates, h_gates, 2, j));
    store(mixed(update, candidate, load(h + j)), h_next + j);
  }
}

void rnn(const float* x_gates, const float* h_gates, float* h_next) {
  for (size_t j = 0; j < kUnits; j += kLanes) store(tanh_of(gate(x_gates, h_gates, 0, j)), h_next + j);
}

RecurrentLeaves recurrent_functions() { return {product, lstm, gru_linear, gru_reset, gru, rnn}; }

}  // namespace
}  // namespace tercel::kernels::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tercel::kernels::simd {

HWY_EXPORT(recurrent_functions);

RecurrentLeaves recurrent_leaves(const platform::Isa& isa) { return for_isa(HWY_DISPATCH_TABLE(recurrent_functions), isa)(); }

}  // namespace tercel::kernels::simd
#endif
