#include "serve/scheduled_model.h"

#include <algorithm>

namespace tercel::serve {
namespace {

static_assert(registry::kLadderVariantsMax <= sched::kVariantsMax);
static_assert(registry::kBatchingMax == sched::kBatchRowsMax && registry::kInstanceThreadsMax == sched::kSlotsMax);

// Where nothing is known, nothing is refused: the first runs say what a request takes.
constexpr int64_t kUnknownComputeNs = 1000;
// A few runs show no tail: one that was slow, for whatever reason, must not have requests refused.
constexpr int64_t kPriorSpread = 2;

// What a run takes beyond the model: waking a thread, and the way there and back. Added to worst cases.
constexpr int64_t kHandOverNs = 100'000;

// FNV-1a, 64 bits (Fowler, Noll, Vo), a word at a time.
void mix(uint64_t& hash, uint64_t word) { hash = (hash ^ word) * 0x100000001b3; }

sched::VariantOptions scheduled_variant(const registry::OpenedVariant& opened) {
  sched::VariantOptions variant;
  variant.accuracy = opened.accuracy;
  variant.longest_step_ns = opened.longest_step_ns;
  for (const auto& cost : opened.costs) {
    variant.costs.push_back({.threads = cost.threads,
                             .rows = cost.rows,
                             .p50_ns = cost.p50_ns,
                             .p99_ns = std::min(cost.p99_ns > 0 ? cost.p99_ns : cost.longest_ns, kPriorSpread * cost.p50_ns),
                             .worst_ns = cost.longest_ns + kHandOverNs});
  }
  for (size_t i = 0; i < opened.groups.size(); ++i) {
    const auto& group = opened.groups[i];
    variant.instances[i] = static_cast<uint32_t>(group.instances.size());
    const auto is_of_group = [&](const sched::CostPoint& cost) { return cost.threads == group.threads; };
    if (std::ranges::none_of(variant.costs, is_of_group))
      variant.costs.push_back({.threads = group.threads, .rows = 1, .p50_ns = kUnknownComputeNs, .p99_ns = kUnknownComputeNs});
  }
  return variant;
}

}  // namespace

sched::ModelOptions scheduled_model(const registry::OpenedModel& opened, uint32_t queue_max, sched::VariantPolicy policy,
                                    uint32_t threads) {
  sched::ModelOptions model{.rows_max = opened.rows_max, .queue_max = 0, .policy = policy, .variants = {}};
  uint32_t copies = 0;
  for (const auto& group : opened.variants[0].groups) copies += static_cast<uint32_t>(group.instances.size());
  model.queue_max = queue_max + std::min(copies, threads);  // a scheduler counts those that are computed, too
  for (const auto& variant : opened.variants) model.variants.push_back(scheduled_variant(variant));
  return model;
}

Rows rows_of(const Job& job, const registry::OpenedModel& model) {
  if (model.rows_max < 2) return {};
  const auto& inputs = job.request.inputs;
  const int64_t count = inputs[0].type.shape.size(0);
  uint64_t shape = 0xcbf29ce484222325;
  bool agree = true;
  for (const auto& input : inputs) {
    agree = agree && input.type.shape.size(0) == count;
    for (int axis = 1; axis < input.type.shape.rank(); ++axis) mix(shape, static_cast<uint64_t>(input.type.shape.size(axis)));
  }
  if (agree && count >= 1 && count <= model.rows_max) return {static_cast<uint32_t>(count), shape, true};
  const auto taken = static_cast<uint32_t>(std::clamp<int64_t>(count, 1, model.rows_max));
  return {taken, reinterpret_cast<uint64_t>(&job), false};
}

}  // namespace tercel::serve
