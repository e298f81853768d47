#include <algorithm>
#include <cstring>

#include "kernels/simd/recurrent_plan.h"

namespace tercel::kernels::simd {

namespace {

constexpr auto kGroup = static_cast<int64_t>(kUnits);

// One run of a recurrent kernel.
class RecurrentRun {
 public:
  RecurrentRun(const RecurrentPlan& plan, const Buffers& buffers)
      : p_(plan), b_(buffers), scratch_(reinterpret_cast<float*>(buffers.scratch)) {}

  void run() {
    order_biases();
    run_anyhow(*b_.workers, p_.projection, [&](int64_t begin, int64_t end, int) {
      for (int64_t unit = begin; unit < end; ++unit) project(unit / p_.panels(), unit % p_.panels());
    });
    if (p_.cut_steps || b_.workers->may_pause()) run_steps_cut();
    else
      run_anyhow(*b_.workers, p_.whole, [&](int64_t begin, int64_t end, int) {
        for (int64_t direction = begin; direction < end; ++direction) run_direction(direction);
      });
    store_states(1, p_.h_at());
    store_states(2, p_.c_at());
  }

 private:
  float* bias(int which, int64_t direction) { return scratch_ + p_.biases_at() + (which * p_.directions + direction) * p_.row(); }
  float* inputs(int64_t direction, int64_t t) {
    return scratch_ + p_.inputs_at() + (direction * p_.time + t) * p_.batch * p_.row();
  }
  float* products(int64_t direction) { return scratch_ + p_.products_at() + direction * p_.batch * p_.row(); }
  float* states(int64_t at, int64_t parity, int64_t direction) {
    return scratch_ + at + (parity * p_.directions + direction) * p_.batch * p_.state();
  }

  // ONNX has [Wb, Rb] of all gates, unit after unit; panels want groups of units, gate after gate. Units that only fill the
  // last group up have no weights and no bias: their states stay 0.
  void order_biases() {
    std::fill_n(scratch_ + p_.biases_at(), 2 * p_.directions * p_.row(), 0.0f);
    if (!p_.has_bias) return;
    for (int which = 0; which < 2; ++which)
      for (int64_t d = 0; d < p_.directions; ++d)
        for (int64_t panel = 0; panel < p_.panels(); ++panel)
          for (int64_t g = 0; g < p_.gates; ++g)
            std::copy_n(b_.in<float>(3) + ((2 * d + which) * p_.gates + g) * p_.hidden + panel * kGroup, p_.units_of(panel),
                        bias(which, d) + panel * p_.columns() + g * kGroup);
  }

  void load_states(int64_t d) {
    for (int64_t b = 0; b < p_.batch; ++b) {
      load_state(p_.has_h ? b_.in<float>(5) : nullptr, d, b, states(p_.h_at(), 0, d) + b * p_.state());
      load_state(p_.has_c ? b_.in<float>(6) : nullptr, d, b, states(p_.c_at(), 0, d) + b * p_.state());
    }
  }

  void load_state(const float* from, int64_t d, int64_t b, float* to) {
    std::fill_n(to, p_.state(), 0.0f);
    if (from) std::copy_n(from + p_.state_row(d, b) * p_.hidden, p_.hidden, to);
  }

  void store_states(int output, int64_t at) {
    if (!p_.wanted[output]) return;
    for (int64_t d = 0; d < p_.directions; ++d)
      for (int64_t b = 0; b < p_.batch; ++b)
        std::copy_n(states(at, p_.time & 1, d) + b * p_.state(), p_.hidden,
                    b_.out<float>(static_cast<size_t>(output)) + p_.state_row(d, b) * p_.hidden);
  }

  // The input's product of one panel, for all time steps.
  void project(int64_t d, int64_t panel) {
    const float* weights = p_.input_weights + (d * p_.panels() + panel) * p_.input * p_.columns();
    const auto rows_at = [&](int64_t t, int64_t b, int64_t rows, int64_t out_step) {
      const auto input = static_cast<size_t>(p_.input), columns = static_cast<size_t>(p_.columns());
      p_.leaves.product({b_.in<float>(0) + p_.x_row(t, b) * p_.input, input, static_cast<size_t>(rows), input, weights, columns,
                         columns, bias(0, d) + panel * p_.columns(), 0, inputs(d, t) + b * p_.row() + panel * p_.columns(),
                         static_cast<size_t>(out_step)});
    };
    if (!p_.batch_first) return rows_at(0, 0, p_.time * p_.batch, p_.row());
    for (int64_t b = 0; b < p_.batch; ++b) rows_at(0, b, p_.time, p_.batch * p_.row());
  }

  // The state's product with columns first..first+count-1 of a panel.
  void multiply_state(const float* state, int64_t d, int64_t panel, int64_t first, int64_t count) {
    const auto columns = static_cast<size_t>(p_.columns());
    const int64_t at = panel * p_.columns() + first;
    p_.leaves.product({state, static_cast<size_t>(p_.state()), static_cast<size_t>(p_.batch), static_cast<size_t>(p_.hidden),
                       p_.state_weights + (d * p_.panels() + panel) * p_.hidden * p_.columns() + first, columns,
                       static_cast<size_t>(count), bias(1, d) + at, 0, products(d) + at, static_cast<size_t>(p_.row())});
  }

  // Gates that the state is multiplied with before the reset state is: all but the last one of a GRU.
  bool has_reset_phase() const { return p_.cell == Cell::kGru; }

  void reset_panel(int64_t step, int64_t d, int64_t panel) {
    const float* h = states(p_.h_at(), step & 1, d);
    multiply_state(h, d, panel, 0, 2 * kGroup);
    const int64_t t = p_.is_backward(d) ? p_.time - 1 - step : step;
    for (int64_t b = 0; b < p_.batch; ++b) {
      const int64_t gates = b * p_.row() + panel * p_.columns(), state = b * p_.state() + panel * kGroup;
      p_.leaves.gru_reset(inputs(d, t) + gates, products(d) + gates, h + state, reset_states(d) + state);
    }
  }
  float* reset_states(int64_t d) { return scratch_ + p_.reset_at() + d * p_.batch * p_.state(); }

  // Everything of one step and one panel; after all panels of reset_panel() where there is such a phase.
  void step_panel(int64_t step, int64_t d, int64_t panel) {
    const float *h = states(p_.h_at(), step & 1, d), *c = states(p_.c_at(), step & 1, d);
    float *h_next = states(p_.h_at(), (step + 1) & 1, d), *c_next = states(p_.c_at(), (step + 1) & 1, d);
    if (has_reset_phase()) multiply_state(reset_states(d), d, panel, 2 * kGroup, kGroup);
    else multiply_state(h, d, panel, 0, p_.columns());
    const int64_t t = p_.is_backward(d) ? p_.time - 1 - step : step;
    for (int64_t b = 0; b < p_.batch; ++b) {
      const int64_t gates = b * p_.row() + panel * p_.columns(), state = b * p_.state() + panel * kGroup;
      const float *x_gates = inputs(d, t) + gates, *h_gates = products(d) + gates;
      switch (p_.cell) {
        case Cell::kLstm: p_.leaves.lstm(x_gates, h_gates, c + state, c_next + state, h_next + state); break;
        case Cell::kGruLinear: p_.leaves.gru_linear(x_gates, h_gates, h + state, h_next + state); break;
        case Cell::kGru: p_.leaves.gru(x_gates, h_gates, h + state, h_next + state); break;
        case Cell::kRnn: p_.leaves.rnn(x_gates, h_gates, h_next + state); break;
      }
      if (p_.wanted[0])
        std::copy_n(h_next + state, p_.units_of(panel), b_.out<float>(0) + p_.y_row(t, d, b) * p_.hidden + panel * kGroup);
    }
  }

  // Starts from the inputs, not from what an earlier try left: a chunk may run twice.
  void run_direction(int64_t d) {
    load_states(d);
    for (int64_t step = 0; step < p_.time; ++step) {
      for (int64_t panel = 0; has_reset_phase() && panel < p_.panels(); ++panel) reset_panel(step, d, panel);
      for (int64_t panel = 0; panel < p_.panels(); ++panel) step_panel(step, d, panel);
    }
  }

  void run_steps_cut() {
    for (int64_t d = 0; d < p_.directions; ++d) load_states(d);
    for (int64_t step = 0; step < p_.time; ++step) {
      if (has_reset_phase())
        run_anyhow(*b_.workers, p_.step, [&](int64_t begin, int64_t end, int) {
          for (int64_t unit = begin; unit < end; ++unit) reset_panel(step, unit / p_.panels(), unit % p_.panels());
        });
      run_anyhow(*b_.workers, p_.step, [&](int64_t begin, int64_t end, int) {
        for (int64_t unit = begin; unit < end; ++unit) step_panel(step, unit / p_.panels(), unit % p_.panels());
      });
    }
  }

  const RecurrentPlan& p_;
  const Buffers& b_;
  float* scratch_;
};

}  // namespace

Kernel recurrent_kernel(const RecurrentPlan& plan) {
  return Kernel([plan](const Buffers& buffers) { RecurrentRun(plan, buffers).run(); },
                static_cast<size_t>(plan.scratch_floats()) * sizeof(float));
}

size_t recurrent_packed_bytes(const StepContext& context) {
  const Shape& r = context.in(2).shape;
  const int64_t hidden = r.size(2), gates = r.size(1) / hidden, panels = (hidden + kGroup - 1) / kGroup;
  const int64_t depth = hidden + context.in(1).shape.size(2);
  return static_cast<size_t>(r.size(0) * panels * depth * gates * kGroup) * sizeof(float);
}

namespace {

// Weights [directions, gates * hidden, depth] as directions x panels x depth x (gates x kGroup units); returns the end.
float* pack_panels(const Tensor& weights, int64_t hidden, float* to) {
  const int64_t directions = weights.shape().size(0), gates = weights.shape().size(1) / hidden, depth = weights.shape().size(2);
  const auto* from = weights.as<std::byte>();
  for (int64_t d = 0; d < directions; ++d)
    for (int64_t first = 0; first < hidden; first += kGroup)
      for (int64_t k = 0; k < depth; ++k)
        for (int64_t g = 0; g < gates; ++g)
          for (int64_t unit = first; unit < first + kGroup; ++unit, ++to) {
            *to = 0;
            if (unit < hidden)
              std::memcpy(to, from + (((d * gates + g) * hidden + unit) * depth + k) * static_cast<int64_t>(sizeof(float)),
                          sizeof(float));
          }
  return to;
}

}  // namespace

void recurrent_pack(const StepContext& context, std::span<std::byte> packed) {
  const int64_t hidden = context.in(2).shape.size(2);
  float* const end = pack_panels(*context.constant(2), hidden, reinterpret_cast<float*>(packed.data()));
  pack_panels(*context.constant(1), hidden, end);
}

}  // namespace tercel::kernels::simd
