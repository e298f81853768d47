#include "engine/packed_weights.h"

namespace tercel::engine {

namespace {

Result<Packed> pack(const kernels::Packing& packing, const kernels::StepContext& context) {
  const size_t bytes = packing.bytes(context);
  Tensor memory = TRY(Tensor::zeros(DType::kUint8, {Dim(static_cast<int64_t>(bytes))}));
  const std::span target(memory.mutable_as<std::byte>(), bytes);
  packing.fill(context, target);
  return Packed{target, std::make_shared<Tensor>(std::move(memory))};
}

}  // namespace

std::shared_ptr<PackedWeights> PackedWeights::of(const std::shared_ptr<const plan::Program>& program) {
  // Sessions of one program open on several threads of a server. The list holds no memory: only who is still alive.
  static std::mutex mutex;
  static std::map<const plan::Program*, std::weak_ptr<PackedWeights>> alive;
  const std::lock_guard lock(mutex);
  std::erase_if(alive, [](const auto& entry) { return entry.second.expired(); });
  auto& entry = alive[program.get()];
  auto weights = entry.lock();
  if (!weights) {
    weights.reset(new PackedWeights(program));
    entry = weights;
  }
  return weights;
}

PackedWeights::PackedWeights(std::shared_ptr<const plan::Program> program) : program_(std::move(program)) {
  for (const plan::TunedSection& section : program_->tuned)
    for (const plan::PackedWeight& weight : section.packed)
      in_plan_.emplace(PackingKey{weight.graph, weight.node, weight.format, {}}, weight.bytes);
}

Result<Packed> PackedWeights::get(const PackingKey& key, const kernels::Packing& packing, const kernels::StepContext& context,
                                  bool stable) {
  if (!stable) return pack_checked(packing, context);
  const auto stored = in_plan_.find(key);
  // A format promises its bytes; a size that differs comes from another build's idea of it and is packed anew.
  if (stored != in_plan_.end() && stored->second.size() == packing.bytes(context)) {
    TRY(program_->check(stored->second));
    return Packed{stored->second, program_};
  }
  const std::lock_guard lock(mutex_);
  auto& entry = packed_[key];
  if (!entry.owner) entry = TRY(pack_checked(packing, context));
  return entry;
}

Result<Packed> PackedWeights::pack_checked(const kernels::Packing& packing, const kernels::StepContext& context) const {
  for (size_t i = 0; i < context.inputs.size(); ++i)
    if (packing.replaces(i) && context.constant(i)) TRY(check(*context.constant(i)));
  return pack(packing, context);
}

std::span<const std::byte> PackedWeights::stored(uint32_t node, std::string_view tactic) const {
  const kernels::KernelRow* row = kernels::find_row(tactic);
  if (!row || !row->packing) return {};
  const auto found = in_plan_.find(PackingKey{0, node, std::string(row->packing->format), {}});
  return found == in_plan_.end() ? std::span<const std::byte>() : found->second;
}

Result<void> PackedWeights::check(const Tensor& constant) const {
  return program_->check({static_cast<const std::byte*>(constant.data()), constant.bytes()});
}

}  // namespace tercel::engine
