// LSTM, GRU and RNN: state and sums in double, one sequence of one direction after another.
#include "ops/recurrent.h"

#include <algorithm>

#include "kernels/families.h"
#include "kernels/ref/arithmetic.h"

namespace tercel::kernels {

namespace {

enum class Cell : uint8_t { kLstm, kGru, kRnn };

struct Recurrence {
  ops::RecurrentParameters p;
  Cell cell;
  int64_t gates, time, batch, input, hidden;
  bool wide_lengths = false;
  std::array<bool, 8> has{};     // inputs
  std::array<bool, 3> wanted{};  // outputs

  // Doubles of scratch for one sequence: sums of the two products, state, cell state, reset state.
  int64_t scratch_doubles() const { return (2 * gates + 3) * hidden; }
  // Where (time, direction, batch) lies in Y, and (direction, batch) in the states, in units of `hidden` elements.
  int64_t y_row(int64_t t, int64_t d, int64_t n) const {
    return p.batch_first ? (n * time + t) * p.directions + d : (t * p.directions + d) * batch + n;
  }
  int64_t state_row(int64_t d, int64_t n) const { return p.batch_first ? n * p.directions + d : d * batch + n; }
  int64_t x_row(int64_t t, int64_t n) const { return p.batch_first ? n * time + t : t * batch + n; }
};

// One direction's parameters, and the scratch of one sequence.
template <typename T>
struct Sequence {
  const Recurrence& r;
  const T *w, *recurrence, *bias, *peepholes;  // of this direction; the last two may be null
  const ops::CellFunction* functions;
  double *wx, *rh;        // gates x hidden: W x + Wb, R h + Rb
  double *h, *c, *reset;  // hidden

  double call(int function, double x) const {
    const double limit = r.p.clip;
    return ops::apply(functions[function], limit > 0 ? std::clamp(x, -limit, limit) : x);
  }
  double peephole(int64_t gate, int64_t j) const { return peepholes ? as_double(peepholes[gate * r.hidden + j]) * c[j] : 0; }
};

template <typename T, typename V>
double dot(const T* row, const V* x, int64_t n) {
  double sum = 0;
  for (int64_t k = 0; k < n; ++k) sum += as_double(row[k]) * as_double(x[k]);
  return sum;
}

// Both products of gates first..last-1, for input row x and state h.
template <typename T>
void gate_sums(const Sequence<T>& s, int64_t first, int64_t last, const T* x, const double* h) {
  const int64_t rows = s.r.gates * s.r.hidden;
  for (int64_t j = first * s.r.hidden; j < last * s.r.hidden; ++j) {
    s.wx[j] = dot(s.w + j * s.r.input, x, s.r.input) + (s.bias ? as_double(s.bias[j]) : 0);
    s.rh[j] = dot(s.recurrence + j * s.r.hidden, h, s.r.hidden) + (s.bias ? as_double(s.bias[rows + j]) : 0);
  }
}

template <typename T>
void step_lstm(const Sequence<T>& s, const T* x) {
  const int64_t hidden = s.r.hidden;
  gate_sums(s, 0, 4, x, s.h);
  for (int64_t j = 0; j < hidden; ++j) {
    const auto sum = [&](int64_t gate) { return s.wx[gate * hidden + j] + s.rh[gate * hidden + j]; };
    const double input = s.call(0, sum(0) + s.peephole(0, j));
    const double forget = s.r.p.input_forget ? 1 - input : s.call(0, sum(2) + s.peephole(2, j));
    s.c[j] = forget * s.c[j] + input * s.call(1, sum(3));
    s.h[j] = s.call(0, sum(1) + s.peephole(1, j)) * s.call(2, s.c[j]);
  }
}

template <typename T>
void step_gru(const Sequence<T>& s, const T* x) {
  const int64_t hidden = s.r.hidden;
  gate_sums(s, 0, 3, x, s.h);
  for (int64_t j = 0; j < hidden; ++j) s.reset[j] = s.call(0, s.wx[hidden + j] + s.rh[hidden + j]);
  if (s.r.p.linear_before_reset) {
    for (int64_t j = 0; j < hidden; ++j) s.rh[2 * hidden + j] *= s.reset[j];
  } else {
    for (int64_t j = 0; j < hidden; ++j) s.reset[j] *= s.h[j];
    gate_sums(s, 2, 3, x, s.reset);
  }
  for (int64_t j = 0; j < hidden; ++j) {
    const double update = s.call(0, s.wx[j] + s.rh[j]);
    s.h[j] = (1 - update) * s.call(1, s.wx[2 * hidden + j] + s.rh[2 * hidden + j]) + update * s.h[j];
  }
}

template <typename T>
void step_rnn(const Sequence<T>& s, const T* x) {
  gate_sums(s, 0, 1, x, s.h);
  for (int64_t j = 0; j < s.r.hidden; ++j) s.h[j] = s.call(0, s.wx[j] + s.rh[j]);
}

template <typename T>
void load_state(const T* source, int64_t n, double* target) {
  for (int64_t j = 0; j < n; ++j) target[j] = source ? as_double(source[j]) : 0;
}

template <typename T>
void store_state(const double* source, int64_t n, T* target) {
  for (int64_t j = 0; j < n; ++j) target[j] = narrowed<T>(source[j]);
}

// The sequence `n` of direction `d`. Steps at or past its length leave the state alone and give zeros.
template <typename T>
void run_sequence(const Recurrence& r, int64_t d, int64_t n, double* scratch, const Buffers& b) {
  const int64_t rows = r.gates * r.hidden, state = r.state_row(d, n) * r.hidden;
  const auto input = [&](size_t i) { return i < r.has.size() && r.has[i] ? b.in<T>(i) : nullptr; };
  const auto output = [&](size_t i) { return r.wanted[i] ? b.out<T>(i) : nullptr; };
  Sequence<T> s{r,
                b.in<T>(1) + d * rows * r.input,
                b.in<T>(2) + d * rows * r.hidden,
                input(3) ? input(3) + d * 2 * rows : nullptr,
                input(7) ? input(7) + d * 3 * r.hidden : nullptr,
                r.p.functions.data() + d * static_cast<int64_t>(r.p.functions.size()) / r.p.directions,
                scratch,
                scratch + rows,
                scratch + 2 * rows,
                scratch + 2 * rows + r.hidden,
                scratch + 2 * rows + 2 * r.hidden};
  load_state(input(5) ? input(5) + state : nullptr, r.hidden, s.h);
  load_state(input(6) ? input(6) + state : nullptr, r.hidden, s.c);
  int64_t length = r.time;
  if (r.has[4]) length = std::clamp<int64_t>(r.wide_lengths ? b.in<int64_t>(4)[n] : b.in<int32_t>(4)[n], 0, r.time);
  const bool backward = r.p.backward_first || d == 1;
  for (int64_t i = 0; i < r.time; ++i) {
    const int64_t t = backward && i < length ? length - 1 - i : i;
    if (i < length) {
      const T* x = b.in<T>(0) + r.x_row(t, n) * r.input;
      if (r.cell == Cell::kLstm) step_lstm(s, x);
      else if (r.cell == Cell::kGru) step_gru(s, x);
      else step_rnn(s, x);
    }
    if (T* y = output(0)) {
      y += r.y_row(t, d, n) * r.hidden;
      if (i < length) store_state(s.h, r.hidden, y);
      else std::fill_n(y, r.hidden, T{});
    }
  }
  if (T* y_h = output(1)) store_state(s.h, r.hidden, y_h + state);
  if (T* y_c = output(2)) store_state(s.c, r.hidden, y_c + state);
}

template <Cell kCell, const ops::CellKind& (*Kind)()>
Result<Kernel> bind_recurrent(const StepContext& c) {
  Recurrence r{TRY(ops::recurrent_parameters(Kind(), c.attributes)), kCell, Kind().gates};
  const Shape& x = c.in(0).shape;
  r.time = x.size(r.p.batch_first ? 1 : 0);
  r.batch = x.size(r.p.batch_first ? 0 : 1);
  r.input = x.size(2);
  r.hidden = c.in(2).shape.size(2);
  for (size_t i = 0; i < r.has.size(); ++i) r.has[i] = c.has(i);
  for (size_t i = 0; i < r.wanted.size(); ++i) r.wanted[i] = i < c.outputs.size() && c.outputs[i].present;
  r.wide_lengths = c.has(4) && c.in(4).dtype == DType::kInt64;
  const size_t scratch = align_up(static_cast<size_t>(r.scratch_doubles()) * sizeof(double), kTensorAlignment);
  const int threads = std::max(1, c.threads);
  const auto run = [r = std::move(r), scratch, dtype = c.in(0).dtype](const Buffers& b) {
    const auto task = [&](int chunk, int worker) {
      double* own = reinterpret_cast<double*>(b.scratch + static_cast<size_t>(worker) * scratch);
      const int64_t d = chunk / r.batch, n = chunk % r.batch;
      switch (dtype) {
        case DType::kFloat64: return run_sequence<double>(r, d, n, own, b);
        case DType::kFloat16: return run_sequence<Half>(r, d, n, own, b);
        case DType::kBFloat16: return run_sequence<BFloat16>(r, d, n, own, b);
        default: return run_sequence<float>(r, d, n, own, b);
      }
    };
    if (r.batch > 0) b.workers->run(static_cast<int>(r.batch * r.p.directions), task);
  };
  return Kernel(run, scratch * static_cast<size_t>(threads));
}

constexpr KernelRow kRows[] = {
    {"LSTM", "lstm/ref", platform::kPortable, nullptr, bind_recurrent<Cell::kLstm, ops::lstm_cell>},
    {"GRU", "gru/ref", platform::kPortable, nullptr, bind_recurrent<Cell::kGru, ops::gru_cell>},
    {"RNN", "rnn/ref", platform::kPortable, nullptr, bind_recurrent<Cell::kRnn, ops::rnn_cell>},
};

}  // namespace

std::span<const KernelRow> ref_recurrent_rows() { return kRows; }

}  // namespace tercel::kernels
