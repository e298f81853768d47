#pragma once

#include "kernels/kernel.h"
#include "kernels/simd/parallel.h"
#include "kernels/simd/recurrent_leaves.h"
#include "ops/recurrent.h"

namespace tercel::kernels::simd {

enum class Cell : uint8_t { kLstm, kGruLinear, kGru, kRnn };

// A recurrent step: sizes, where things lie, and how the work is cut. Scratch holds, per direction: the biases in panel
// order, the input's product for all time steps, the state's product of one step, and two copies of the states (the one
// that is read and the one that is written, so that panels of a step need not wait for each other).
struct RecurrentPlan {
  Cell cell;
  int64_t gates, directions, time, batch, input, hidden;
  bool batch_first, backward_first;
  bool has_bias, has_h, has_c;
  bool wanted[3];        // outputs
  const float *state_weights, *input_weights;  // packed: directions x panels x (hidden, or input) x columns
  RecurrentLeaves leaves;
  Cut projection;  // of directions * panels
  Cut step;        // of the same, when one step is worth cutting
  bool cut_steps;
  Cut whole;  // otherwise: of directions

  int64_t columns() const { return gates * static_cast<int64_t>(kUnits); }  // of a panel
  int64_t panels() const { return (hidden + static_cast<int64_t>(kUnits) - 1) / static_cast<int64_t>(kUnits); }
  int64_t row() const { return panels() * columns(); }  // all gates of all units
  int64_t state() const { return panels() * static_cast<int64_t>(kUnits); }
  int64_t units_of(int64_t panel) const {
    return std::min(static_cast<int64_t>(kUnits), hidden - panel * static_cast<int64_t>(kUnits));
  }
  bool is_backward(int64_t direction) const { return backward_first || direction == 1; }
  // Rows of X, Y and the states, in units of their last extent.
  int64_t x_row(int64_t t, int64_t b) const { return batch_first ? b * time + t : t * batch + b; }
  int64_t y_row(int64_t t, int64_t d, int64_t b) const {
    return batch_first ? (b * time + t) * directions + d : (t * directions + d) * batch + b;
  }
  int64_t state_row(int64_t d, int64_t b) const { return batch_first ? b * directions + d : d * batch + b; }

  // Offsets into scratch, in floats.
  int64_t biases_at() const { return 0; }  // of the input's product, then of the state's
  int64_t inputs_at() const { return biases_at() + 2 * directions * row(); }
  int64_t products_at() const { return inputs_at() + directions * time * batch * row(); }
  int64_t h_at() const { return products_at() + directions * batch * row(); }
  int64_t c_at() const { return h_at() + 2 * directions * batch * state(); }
  int64_t reset_at() const { return c_at() + 2 * directions * batch * state(); }
  int64_t scratch_floats() const { return reset_at() + directions * batch * state(); }
};

// Bytes of R and then W in panels, and the packing itself; R is [directions, gates * hidden, hidden], W the same with the
// input's size last; both at any byte alignment.
size_t recurrent_packed_bytes(const StepContext& context);
void recurrent_pack(const StepContext& context, std::span<std::byte> packed);

Kernel recurrent_kernel(const RecurrentPlan& plan);

}  // namespace tercel::kernels::simd
