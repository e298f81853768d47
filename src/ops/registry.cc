#include "ops/registry.h"

#include <unordered_map>

namespace tercel::ops {

namespace {

using Family = std::span<const OpDef> (*)();
constexpr Family kFamilies[] = {elementwise_ops, reduction_ops, matrix_ops,    layout_ops, indexing_ops,  generator_ops, image_ops,
                                recurrent_ops,   quantized_ops, signal_ops, control_ops, attention_ops, classic_ops, custom_ops, fused_ops};

std::vector<const OpDef*> collect() {
  std::vector<const OpDef*> ops;
  for (Family family : kFamilies)
    for (const OpDef& op : family()) ops.push_back(&op);
  return ops;
}

}  // namespace

std::span<const OpDef* const> all_ops() {
  static const std::vector<const OpDef*> ops = collect();
  return ops;
}

const OpDef* find_op(std::string_view name) {
  static const auto by_name = [] {
    std::unordered_map<std::string_view, const OpDef*> map;
    for (const OpDef* op : all_ops()) check(map.emplace(op->name, op).second, "an operator is listed twice");
    return map;
  }();
  const auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : found->second;
}

}  // namespace tercel::ops
