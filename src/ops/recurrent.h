#pragma once

#include <string_view>
#include <vector>

#include "ops/checks.h"

// LSTM, GRU and RNN: what their attributes mean, for shape rules and kernels alike.
namespace tercel::ops {

enum class CellFunctionKind : uint8_t {
  kRelu,
  kTanh,
  kSigmoid,
  kAffine,
  kLeakyRelu,
  kThresholdedRelu,
  kScaledTanh,
  kHardSigmoid,
  kElu,
  kSoftsign,
  kSoftplus
};

struct CellFunction {
  CellFunctionKind kind = CellFunctionKind::kTanh;
  double alpha = 0, beta = 0;
};
double apply(const CellFunction& function, double x);

// The gates of a cell and the functions between them; all that tells the three operators apart.
struct CellKind {
  std::string_view name;
  int gates;                                // LSTM: input, output, forget, cell; GRU: update, reset, hidden; RNN: one
  std::vector<CellFunctionKind> functions;  // the defaults, per direction
  bool has_cell_state = false;
};
const CellKind& lstm_cell();
const CellKind& gru_cell();
const CellKind& rnn_cell();

struct RecurrentParameters {
  int directions = 1;
  bool backward_first = false;          // direction=reverse
  bool batch_first = false;             // layout=1
  bool linear_before_reset = false;     // GRU
  bool input_forget = false;            // LSTM: the forget gate is 1 - input gate
  double clip = 0;                      // inputs of functions stay within +-clip; 0: no limit
  std::vector<CellFunction> functions;  // directions x kind.functions.size()
};
Result<RecurrentParameters> recurrent_parameters(const CellKind& kind, const Attributes& attributes);

}  // namespace tercel::ops
