#include <algorithm>
#include <unordered_map>
#include <vector>

#include "kernels/families.h"
#include "kernels/kernel.h"

namespace tercel::kernels {

namespace {

using Family = std::span<const KernelRow> (*)();
constexpr Family kFamilies[] = {
    dense_rows,          conv_rows,          simd_rows,
    ref_elementwise_rows, ref_reduction_rows, ref_matrix_rows,    ref_layout_rows,    ref_indexing_rows, ref_generator_rows,
    ref_image_rows,       ref_recurrent_rows, ref_quantized_rows, ref_signal_rows,    ref_attention_rows, ref_classic_rows,
    ref_custom_rows,    ref_fused_rows,
};

struct Catalogue {
  std::vector<const KernelRow*> all;
  std::unordered_map<std::string_view, std::vector<const KernelRow*>> by_op;
  std::unordered_map<std::string_view, const KernelRow*> by_name;
};

const Catalogue& catalogue() {
  static const Catalogue catalogue = [] {
    Catalogue c;
    for (Family family : kFamilies) {
      for (const KernelRow& row : family()) {
        c.all.push_back(&row);
        c.by_op[row.op].push_back(&row);
        check(c.by_name.emplace(row.name, &row).second, "two kernel rows have one name");
      }
    }
    return c;
  }();
  return catalogue;
}

}  // namespace

std::span<const KernelRow* const> all_rows() { return catalogue().all; }

std::span<const KernelRow* const> rows_of(std::string_view op) {
  const auto found = catalogue().by_op.find(op);
  if (found == catalogue().by_op.end()) return {};
  return found->second;
}

const KernelRow* find_row(std::string_view name) {
  const auto found = catalogue().by_name.find(name);
  return found == catalogue().by_name.end() ? nullptr : found->second;
}

Refusal refusal_of(const KernelRow& row, const StepContext& context) {
  if (!context.isa.covers(row.needs)) return "needs " + std::string(platform::isa_name(row.needs));
  return row.accepts ? row.accepts(context) : Refusal();
}

const KernelRow* first_accepting(std::string_view op, const StepContext& context) {
  for (const KernelRow* row : rows_of(op))
    if (refusal_of(*row, context).empty()) return row;
  return nullptr;
}

}  // namespace tercel::kernels
