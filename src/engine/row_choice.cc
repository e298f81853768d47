#include "engine/row_choice.h"

namespace tercel::engine {

namespace {

bool packs(const kernels::KernelRow& row, const kernels::StepContext& context) {
  if (!row.packing) return false;
  for (size_t i = 0; i < context.inputs.size(); ++i)
    if (row.packing->replaces(i) && !context.constant(i)) return false;
  return true;
}

// The first row that accepts, or null with the last row's reason: the reference comes last and knows best.
const kernels::KernelRow* first_accepting(std::string_view op, const kernels::StepContext& context, bool may_pack,
                                          std::string& reason) {
  reason = "this build has no kernel for it";
  for (const kernels::KernelRow* row : kernels::rows_of(op)) {
    if (!may_pack && packs(*row, context)) continue;
    reason = kernels::refusal_of(*row, context);
    if (reason.empty()) return row;
  }
  return nullptr;
}

// Constants that the kernel reads where they are mapped are what was written.
Result<void> check_constants(const kernels::KernelRow& row, const kernels::StepContext& context, const PackedSource& source) {
  if (!source.weights) return {};
  const bool is_packed = packs(row, context);
  for (size_t i = 0; i < context.inputs.size(); ++i)
    if (context.constant(i) && !(is_packed && row.packing->replaces(i))) TRY(source.weights->check(*context.constant(i)));
  return {};
}

Result<Packed> packed_of(const kernels::KernelRow& row, const kernels::StepContext& context, const PackedSource& source) {
  if (!packs(row, context)) return Packed{};
  PackingKey key = source.key;
  key.format = row.packing->format;
  bool stable = true;
  for (size_t i = 0; i < source.inputs.size(); ++i) {
    if (!row.packing->replaces(i)) continue;
    const LiveValue& value = *source.inputs[i];
    stable &= value.source != LiveValue::Source::kComputed;
    if (value.source != LiveValue::Source::kOwn) key.captured.emplace_back(i, value.known->data());
  }
  return source.weights->get(key, *row.packing, context, stable);
}

}  // namespace

Result<BoundRow> choose_row(std::string_view op, kernels::StepContext context, const kernels::KernelRow* preferred,
                            const PackedSource& source) {
  const bool may_pack = source.weights != nullptr;
  const bool take = preferred && preferred->op == op && (may_pack || !packs(*preferred, context)) &&
                    kernels::refusal_of(*preferred, context).empty();
  std::string reason;
  BoundRow bound;
  bound.row = take ? preferred : first_accepting(op, context, may_pack, reason);
  if (!bound.row) return unsupported("no kernel takes it: " + reason);
  TRY(check_constants(*bound.row, context, source));
  bound.packed = TRY(packed_of(*bound.row, context, source));
  context.packed = bound.packed.bytes;
  bound.kernel = TRY(bound.row->bind(context));
  return bound;
}

}  // namespace tercel::engine
