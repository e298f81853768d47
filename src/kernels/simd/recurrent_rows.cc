// LSTM, GRU and RNN with their default functions, over packed weights.
#include "kernels/simd/accepts.h"
#include "kernels/simd/recurrent_plan.h"
#include "kernels/simd/rows.h"

namespace tercel::kernels::simd {

namespace {

constexpr double kNsPerProduct = 0.03;         // one multiply-add of weights in cache
constexpr double kNsPerStateProduct = 0.06;    // with one row, weights come from the second-level cache
constexpr double kStepWorthCuttingNs = 8'000;  // two hand-offs a step are small against it
constexpr double kStepPieceNs = 3'000;

// Scratch is sized by the shapes of a request, so it has a limit of its own.
constexpr int64_t kScratchFloatsMax = int64_t{1} << 31;

template <const ops::CellKind& (*Kind)()>
Refusal accepts_recurrent(const StepContext& context) {
  const Result<ops::RecurrentParameters> parameters = ops::recurrent_parameters(Kind(), context.attributes);
  if (!parameters) return parameters.error().message();
  for (size_t i = 0; i < parameters->functions.size(); ++i)
    if (parameters->functions[i].kind != Kind().functions[i % Kind().functions.size()]) return "wants the default functions";
  if (parameters->clip > 0 || parameters->input_forget) return "wants no clip and no input_forget";
  if (context.has(4)) return "wants sequences of one length, without sequence_lens";
  if (context.has(7)) return "wants no peepholes";
  if (!context.constant(1) || !context.constant(2)) return "wants constant weights";
  for (size_t i : {0, 1, 2, 3, 5, 6})
    if (context.has(i) && context.in(i).dtype != DType::kFloat32)
      return "wants float32, not " + std::string(dtype_name(context.in(i).dtype));
  if (context.in(0).shape.elements() == 0 || context.in(2).shape.elements() == 0) return "wants at least one element";
  return {};
}

Cut cut_of_step(int64_t units, double ns_per_unit) {
  const int64_t per_piece = std::max<int64_t>(1, static_cast<int64_t>(kStepPieceNs / ns_per_unit));
  return {units, per_piece, static_cast<int>((units + per_piece - 1) / per_piece)};
}

void plan_cuts(RecurrentPlan& plan) {
  const auto units = plan.directions * plan.panels();
  const auto input = static_cast<double>(plan.input), columns = static_cast<double>(plan.columns()),
             batch = static_cast<double>(plan.batch);
  const double projection_ns = input * columns * kNsPerProduct * static_cast<double>(plan.time) * batch;
  plan.projection = cut_work(units, projection_ns);
  const double panel_ns = static_cast<double>(plan.hidden) * columns * (kNsPerStateProduct + kNsPerProduct * (batch - 1));
  plan.cut_steps = panel_ns * static_cast<double>(units) >= kStepWorthCuttingNs;
  plan.step = cut_of_step(units, panel_ns);
  plan.whole = cut_work(plan.directions, panel_ns * static_cast<double>(plan.panels() * plan.time));
}

template <const ops::CellKind& (*Kind)()>
Result<Kernel> bind_recurrent(const StepContext& context) {
  const ops::RecurrentParameters parameters = TRY(ops::recurrent_parameters(Kind(), context.attributes));
  if (context.packed.size() != recurrent_packed_bytes(context))
    return invalid("the packed recurrent weights have the wrong size");
  const Shape &x = context.in(0).shape, &r = context.in(2).shape;
  RecurrentPlan plan{};
  plan.gates = Kind().gates;
  plan.cell = plan.gates == 4                  ? Cell::kLstm
              : plan.gates == 1                ? Cell::kRnn
              : parameters.linear_before_reset ? Cell::kGruLinear
                                               : Cell::kGru;
  plan.directions = parameters.directions;
  plan.batch_first = parameters.batch_first;
  plan.backward_first = parameters.backward_first;
  plan.time = x.size(plan.batch_first ? 1 : 0);
  plan.batch = x.size(plan.batch_first ? 0 : 1);
  plan.input = x.size(2);
  plan.hidden = r.size(2);
  plan.has_bias = context.has(3);
  plan.has_h = context.has(5);
  plan.has_c = plan.cell == Cell::kLstm && context.has(6);
  for (size_t i = 0; i < 3; ++i) plan.wanted[i] = i < context.outputs.size() && context.outputs[i].present;
  plan.state_weights = reinterpret_cast<const float*>(context.packed.data());
  plan.input_weights = plan.state_weights + plan.directions * plan.panels() * plan.hidden * plan.columns();
  plan.leaves = recurrent_leaves(context.isa);
  plan_cuts(plan);
  const auto projected = checked_multiply(plan.directions * plan.time, plan.batch * plan.row());
  if (!projected || *projected > kScratchFloatsMax)
    return too_large("the sequence needs more than 8 GiB of intermediate results; cut it into shorter ones");
  return recurrent_kernel(plan);
}

constexpr Packing kPacking{"recurrent/state-input-16", inputs_at({1, 2}), recurrent_packed_bytes, recurrent_pack};

template <const ops::CellKind& (*Kind)()>
constexpr KernelRow row(std::string_view op, std::string_view name) {
  return {op, name, platform::kPortable, accepts_recurrent<Kind>, bind_recurrent<Kind>, &kPacking};
}

constexpr KernelRow kRows[] = {
    row<ops::lstm_cell>("LSTM", "lstm/simd"),
    row<ops::gru_cell>("GRU", "gru/simd"),
    row<ops::rnn_cell>("RNN", "rnn/simd"),
};

}  // namespace

std::span<const KernelRow> recurrent_rows() { return kRows; }

}  // namespace tercel::kernels::simd
