#include "ops/recurrent.h"

#include "ops/registry.h"
#include "ops/rules.h"

namespace tercel::ops {

namespace {

// Inputs of the three operators; the last two are the LSTM's.
constexpr size_t kX = 0, kW = 1, kR = 2, kB = 3, kLengths = 4, kInitialH = 5, kInitialC = 6, kPeepholes = 7;

// The sizes that all inputs must agree on.
struct Extents {
  Dim time = Dim::unknown(), batch = Dim::unknown(), input = Dim::unknown(), hidden = Dim::unknown();
};

Result<void> want_shape(const InferContext& context, size_t input, std::initializer_list<Dim> wanted) {
  if (!context.has(input)) return {};
  TRY(want_rank(context, input, static_cast<int>(wanted.size()), static_cast<int>(wanted.size())));
  const Shape shape(wanted);
  for (int i = 0; i < shape.rank(); ++i)
    if (!may_equal(context.shape(input)[i], shape[i]))
      return invalid(describe(context, input) + " must have shape " + to_string(shape));
  return {};
}

Result<Extents> extents_of(const InferContext& context, const CellKind& kind, const RecurrentParameters& p) {
  for (size_t i : {kX, kW, kR}) TRY(want_rank(context, i, 3, 3));
  const Shape &x = context.shape(kX), &w = context.shape(kW), &r = context.shape(kR);
  Extents e{x[p.batch_first ? 1 : 0], x[p.batch_first ? 0 : 1], TRY(unify(x[2], w[2], "input sizes of X and W")), r[2]};
  if (const int64_t* hidden = context.attributes().get<int64_t>("hidden_size")) {
    if (*hidden < 1) return invalid("attribute hidden_size is " + std::to_string(*hidden));
    e.hidden = TRY(unify(e.hidden, Dim(*hidden), "hidden_size and the last extent of R"));
  }
  const Dim directions(p.directions), rows = e.hidden * Dim(kind.gates);
  TRY(want_shape(context, kW, {directions, rows, e.input}));
  TRY(want_shape(context, kR, {directions, rows, e.hidden}));
  TRY(want_shape(context, kB, {directions, rows * Dim(2)}));
  TRY(want_shape(context, kLengths, {e.batch}));
  for (size_t i : {kInitialH, kInitialC})
    TRY(p.batch_first ? want_shape(context, i, {e.batch, directions, e.hidden})
                      : want_shape(context, i, {directions, e.batch, e.hidden}));
  TRY(want_shape(context, kPeepholes, {directions, e.hidden * Dim(3)}));
  return e;
}

template <const CellKind& (*Kind)()>
Result<void> infer_recurrent(InferContext& context) {
  const CellKind& kind = Kind();
  TRY(want_inputs(context, 3));
  TRY(want_type(context, kX, kFloatTypes));
  TRY(want_type(context, kLengths, kIndexTypes));
  for (size_t i : {kW, kR, kB, kInitialH, kInitialC, kPeepholes})
    if (context.has(i)) TRY(want_dtype(context, i, context.dtype(i) == context.dtype(kX), "the element type of X"));
  const RecurrentParameters p = TRY(recurrent_parameters(kind, context.attributes()));
  const Extents e = TRY(extents_of(context, kind, p));
  const Dim directions(p.directions);
  const std::array<Dim, 4> y =
      p.batch_first ? std::array{e.batch, e.time, directions, e.hidden} : std::array{e.time, directions, e.batch, e.hidden};
  const std::array<Dim, 3> last =
      p.batch_first ? std::array{e.batch, directions, e.hidden} : std::array{directions, e.batch, e.hidden};
  TRY(set_shape(context, 0, context.dtype(kX), y));
  TRY(set_shape(context, 1, context.dtype(kX), last));
  if (kind.has_cell_state) TRY(set_shape(context, 2, context.dtype(kX), last));
  return {};
}

// Two products a step: the input's with W and the state's with R.
double flops(const Attributes&, std::span<const TensorType> inputs, std::span<const TensorType>) {
  const Shape &x = inputs[kX].shape, &w = inputs[kW].shape, &r = inputs[kR].shape;
  if (x.rank() != 3 || w.rank() != 3 || r.rank() != 3) return 0;
  const double steps = static_cast<double>(x.size(0)) * static_cast<double>(x.size(1));
  return 2 * steps * (static_cast<double>(w.elements()) + static_cast<double>(r.elements()));
}

constexpr OpDef kOps[] = {
    {"LSTM", 3, 8, 0, 3, infer_recurrent<lstm_cell>, flops},
    {"GRU", 3, 6, 0, 2, infer_recurrent<gru_cell>, flops},
    {"RNN", 3, 6, 0, 2, infer_recurrent<rnn_cell>, flops},
};

}  // namespace

std::span<const OpDef> recurrent_ops() { return kOps; }

}  // namespace tercel::ops
