// Operators that carry a state from one call to the next: LinearAttention, CausalConvWithState.
#include <cmath>

#include "kernels/ref/attention_binds.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/wide.h"
#include "ops/attention.h"

namespace tercel::kernels {

namespace {

struct LinearParameters {
  int64_t batch, query_heads, key_heads, length, columns, value_columns;
  int64_t decay_width = 0, beta_width = 0;  // last extents of those inputs; 0: absent
  double scale = 1;
  DType type = DType::kFloat32, state_type = DType::kFloat32;
  bool has_past = false, delta = false, wants_state = false;
};

// One token of one key head: the state decays, takes in key x value, and is read by every query head of the group.
void step(const LinearParameters& p, const Buffers& buffers, int64_t batch, int64_t head, int64_t t, double* state, double* row) {
  const auto in = [&](size_t input, int64_t width, int64_t at) {
    return load_one<double>(p.type, buffers.inputs[input], (batch * p.length + t) * width + at);
  };
  const auto key = [&](int64_t d) { return in(1, p.key_heads * p.columns, head * p.columns + d); };
  for (int64_t d = 0; d < p.columns && p.decay_width; ++d) {
    const double factor = std::exp(in(4, p.decay_width, p.decay_width == p.key_heads ? head : head * p.columns + d));
    for (int64_t m = 0; m < p.value_columns; ++m) state[d * p.value_columns + m] *= factor;
  }
  for (int64_t m = 0; m < p.value_columns; ++m) row[m] = in(2, p.key_heads * p.value_columns, head * p.value_columns + m);
  if (p.delta) {
    const double beta = in(5, p.beta_width, p.beta_width == 1 ? 0 : head);
    for (int64_t m = 0; m < p.value_columns; ++m) {
      double retrieved = 0;
      for (int64_t d = 0; d < p.columns; ++d) retrieved += state[d * p.value_columns + m] * key(d);
      row[m] = beta * (row[m] - retrieved);
    }
  }
  for (int64_t d = 0; d < p.columns; ++d)
    for (int64_t m = 0; m < p.value_columns; ++m) state[d * p.value_columns + m] += key(d) * row[m];
  const int64_t group = p.query_heads / p.key_heads;
  for (int64_t query = head * group; query < (head + 1) * group && buffers.outputs[0]; ++query) {
    for (int64_t m = 0; m < p.value_columns; ++m) {
      double sum = 0;
      for (int64_t d = 0; d < p.columns; ++d)
        sum += in(0, p.query_heads * p.columns, query * p.columns + d) * state[d * p.value_columns + m];
      store_one(p.type, buffers.outputs[0], ((batch * p.length + t) * p.query_heads + query) * p.value_columns + m,
                p.scale * sum);
    }
  }
}

}  // namespace

Result<Kernel> bind_linear_attention(const StepContext& c) {
  const ops::AttentionExtents e = TRY(ops::attention_extents(c.attributes, c.in(0).shape, c.in(1).shape, c.in(2).shape, nullptr));
  LinearParameters p{e.batch.size(),   e.query_heads.size(), e.key_heads.size(),
                     e.queries.size(), e.columns.size(),     e.value_columns.size()};
  if (c.has(4)) p.decay_width = c.in(4).shape.size(2);
  if (c.has(5)) p.beta_width = c.in(5).shape.size(2);
  p.delta = c.has(5);
  p.has_past = c.has(3);
  p.wants_state = c.outputs.size() > 1 && c.outputs[1].present;
  p.type = c.in(0).dtype;
  p.state_type = c.has(3) ? c.in(3).dtype : p.type;
  p.scale = c.attributes.get_float("scale", 0);
  if (p.scale == 0) p.scale = 1 / std::sqrt(static_cast<double>(p.columns));
  const int64_t state_elements = p.columns * p.value_columns;
  return Kernel(
      [p, state_elements](const Buffers& buffers) {
        auto* state = reinterpret_cast<double*>(buffers.scratch);
        for (int64_t slot = 0; slot < p.batch * p.key_heads; ++slot) {
          std::fill_n(state, state_elements, 0.0);
          if (p.has_past) load_wide(p.state_type, buffers.inputs[3], slot * state_elements, 1, state_elements, state);
          for (int64_t t = 0; t < p.length; ++t)
            step(p, buffers, slot / p.key_heads, slot % p.key_heads, t, state, state + state_elements);
          if (p.wants_state) store_wide(p.state_type, buffers.outputs[1], slot * state_elements, 1, state_elements, state);
        }
      },
      static_cast<size_t>(state_elements + p.value_columns) * sizeof(double));
}

// A depthwise convolution over the past state and the input behind it.
Result<Kernel> bind_causal_conv(const StepContext& c) {
  const Shape& x = c.in(0).shape;
  const int64_t channels = x.size(1), length = x.size(2), taps = c.in(1).shape.size(2);
  const bool silu = c.attributes.get_string("activation", "none") != "none";
  return Kernel([=, type = c.in(0).dtype, has_bias = c.has(2), has_past = c.has(3),
                 wants_state = c.outputs.size() > 1 && c.outputs[1].present,
                 rows = x.size(0) * channels](const Buffers& buffers) {
    for_row_chunks(*buffers.workers, rows, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const auto padded = [&](int64_t i) {
          if (i >= taps - 1) return load_one<double>(type, buffers.inputs[0], row * length + i - (taps - 1));
          return has_past ? load_one<double>(type, buffers.inputs[3], row * (taps - 1) + i) : 0.0;
        };
        for (int64_t i = 0; i < length && buffers.outputs[0]; ++i) {
          double sum = has_bias ? load_one<double>(type, buffers.inputs[2], row % channels) : 0.0;
          for (int64_t k = 0; k < taps; ++k)
            sum += load_one<double>(type, buffers.inputs[1], row % channels * taps + k) * padded(i + k);
          store_one(type, buffers.outputs[0], row * length + i, silu ? sum / (1 + std::exp(-sum)) : sum);
        }
        for (int64_t i = 0; i < taps - 1 && wants_state; ++i)
          store_one(type, buffers.outputs[1], row * (taps - 1) + i, padded(length + i));
      }
    });
  });
}

}  // namespace tercel::kernels
