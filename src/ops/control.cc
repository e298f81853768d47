#include "ops/control.h"

#include "ops/registry.h"

namespace tercel::ops {

namespace {

// A rule sees one node, not its subgraphs: graph/ and engine/ infer through them.
Result<void> infer_through_subgraphs(InferContext&) {
  return Error(ErrorCode::kNeedsValue, "the outputs depend on the subgraphs");
}

constexpr OpDef kOps[] = {
    {"If", 1, -1, 1, -1, infer_through_subgraphs},
    {"Loop", 2, -1, 1, -1, infer_through_subgraphs},
    {"Scan", 1, -1, 1, -1, infer_through_subgraphs},
};

}  // namespace

int64_t carried_count(std::string_view op, const Attributes& attributes, size_t input_count) {
  const auto count = static_cast<int64_t>(input_count);
  const int64_t scanned = op == "Loop" ? 2 : attributes.get_int("num_scan_inputs", 0);
  const int64_t captures = attributes.get_int(kCaptures, 0);
  if (scanned < 0 || scanned > count || captures < 0 || captures > count) return -1;
  return count - scanned - captures;
}

std::span<const OpDef> control_ops() { return kOps; }

}  // namespace tercel::ops
