#pragma once

#include <cstddef>

#include "platform/isa.h"

// The loops of LSTM, GRU and RNN. Hidden units go in groups of kUnits; a panel holds the weights of one group: for each
// input element k the kUnits weights of the first gate, then of the second, and so on.
namespace tercel::kernels::simd {

inline constexpr size_t kUnits = 16;

// out[r][j] = init[r][j] + sum over k < depth of x[r][k] * panel[k][j], for j < columns (a multiple of kUnits).
struct PanelProduct {
  const float* x;
  size_t x_step, rows, depth;
  const float* panel;
  size_t panel_step, columns;
  const float* init;
  size_t init_step;  // 0: the same for all rows
  float* out;
  size_t out_step;
};

// Gates of one group: sums of the input's product and of the state's product, gate after gate, kUnits each.
struct RecurrentLeaves {
  void (*product)(const PanelProduct& p);
  // Gates input, output, forget, cell.
  void (*lstm)(const float* x_gates, const float* h_gates, const float* c, float* c_next, float* h_next);
  // Gates update, reset, hidden. Linear before reset: the state's product is multiplied by the reset gate.
  void (*gru_linear)(const float* x_gates, const float* h_gates, const float* h, float* h_next);
  // Otherwise the state itself is, before its product with the hidden gate's weights.
  void (*gru_reset)(const float* x_gates, const float* h_gates, const float* h, float* reset_h);
  void (*gru)(const float* x_gates, const float* h_gates, const float* h, float* h_next);
  void (*rnn)(const float* x_gates, const float* h_gates, float* h_next);
};
RecurrentLeaves recurrent_leaves(const platform::Isa& isa);

}  // namespace tercel::kernels::simd
