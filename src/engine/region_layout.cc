#include <algorithm>

#include "base/checked.h"
#include "engine/barrier.h"
#include "engine/memory_plan.h"
#include "engine/region_builder.h"

namespace tercel::engine {

Region::Region(MemoryBudget& budget) : budget(budget), memory(budget) {}
Region::~Region() { budget.give(kept_bytes); }

Result<std::unique_ptr<Region>> RegionBuilder::finish(uint32_t end_node) {
  auto region = std::make_unique<Region>(environment_.budget);
  TRY(environment_.budget.take(evaluated_bytes_));
  region->kept_bytes = evaluated_bytes_;
  drop_unneeded(end_node);
  find_lifetimes(end_node);
  choose_homes(*region);
  const bool ends = end_node == graph_.nodes.size();
  TRY(place_memory(*region, ends));
  resolve_places();
  fill_steps(*region);
  if (ends) end_graph(*region);
  else TRY(end_at_barrier(*region, end_node));
  if (environment_.lock_memory) TRY(lock_memory(*region));
  return region;
}

// Steps whose results were only asked for their shape vanish.
void RegionBuilder::drop_unneeded(uint32_t end_node) {
  std::vector<char> needed(values_.size());
  for (plan::ValueId id = 0; id < values_.size(); ++id)
    if (lives_on(id, end_node)) needed[root_[id]] = 1;
  std::vector<PendingStep> kept;
  for (size_t i = steps_.size(); i-- > 0;) {
    const auto& outputs = steps_[i].outputs;
    if (std::none_of(outputs.begin(), outputs.end(), [&](plan::ValueId id) { return id != plan::kNoValue && needed[id]; }))
      continue;
    for (plan::ValueId id : steps_[i].inputs)
      if (id != plan::kNoValue) needed[root_[id]] = 1;
    kept.push_back(std::move(steps_[i]));
  }
  std::reverse(kept.begin(), kept.end());
  steps_ = std::move(kept);
}

void RegionBuilder::find_lifetimes(uint32_t end_node) {
  const auto touch = [&](plan::ValueId id, uint32_t position) {
    if (id == plan::kNoValue || values_[id].place.kind != Place::Kind::kStorage) return;
    Storage& storage = storages_[values_[id].place.index];
    if (!storage.used) storage.first = position;
    storage.used = true;
    storage.last = position;
  };
  for (uint32_t position = 0; position < steps_.size(); ++position) {
    for (plan::ValueId id : steps_[position].inputs) touch(id, position);
    for (plan::ValueId id : steps_[position].outputs) touch(id, position);
  }
  const auto end = static_cast<uint32_t>(steps_.size());
  for (plan::ValueId id = 0; id < values_.size(); ++id)
    if (values_[id].place.kind == Place::Kind::kStorage && storages_[values_[id].place.index].used && lives_on(id, end_node))
      storages_[values_[id].place.index].last = end;
}

bool RegionBuilder::is_home(size_t output) const {
  const Place& place = values_[graph_.outputs[output]].place;
  return place.kind == Place::Kind::kSlot && place.index == graph_.inputs.size() + output;
}

bool RegionBuilder::is_view(size_t output) const {
  const Place& place = values_[graph_.outputs[output]].place;
  return place.kind == Place::Kind::kSlot && place.index >= graph_.inputs.size() + graph_.outputs.size();
}

void RegionBuilder::choose_homes(Region& region) {
  for (uint32_t output = 0; output < graph_.outputs.size(); ++output) {
    const Place& place = values_[graph_.outputs[output]].place;
    if (place.kind != Place::Kind::kStorage || storages_[place.index].home >= 0) continue;
    storages_[place.index].home = static_cast<int32_t>(output);
    region.homes.push_back({output, nullptr});
  }
}

// Of an output that must be copied out when the graph ends.
size_t RegionBuilder::copied_bytes(size_t output) const {
  const LiveValue& value = values_[graph_.outputs[output]];
  if (is_home(output) || is_view(output)) return 0;
  if (value.place.kind == Place::Kind::kStorage && storages_[value.place.index].home == static_cast<int32_t>(output)) return 0;
  return value.type.bytes();
}

// One arena: buffers by lifetime, copies of outputs (all alive at the end), scratch of the greediest kernel.
Result<void> RegionBuilder::place_memory(Region& region, bool ends) {
  const auto end = static_cast<uint32_t>(steps_.size());
  std::vector<Lifetime> lifetimes;
  for (const Storage& storage : storages_)
    if (storage.used) lifetimes.push_back({storage.bytes, storage.first, storage.last});
  for (size_t output = 0; output < graph_.outputs.size(); ++output)
    lifetimes.push_back({ends ? copied_bytes(output) : 0, end, end});
  const MemoryPlan plan = plan_memory(lifetimes);
  size_t scratch = 0;
  for (const PendingStep& step : steps_) scratch = std::max(scratch, step.bound.kernel.scratch_bytes());
  region.arena_bytes = plan.bytes + align_up(scratch, kTensorAlignment);
  std::byte* base = nullptr;
  if (request_.arena) {
    base = TRY(request_.arena->take(region.arena_bytes));
  } else {
    TRY(region.memory.ensure(region.arena_bytes));
    base = region.memory.data();
  }
  region.scratch = base + plan.bytes;
  touched_.emplace_back(base, region.arena_bytes);
  size_t next = 0;
  addresses_.assign(storages_.size(), nullptr);
  for (size_t i = 0; i < storages_.size(); ++i)
    if (storages_[i].used) addresses_[i] = base + plan.offsets[next++];
  for (size_t output = 0; output < graph_.outputs.size(); ++output) copies_[output] = base + plan.offsets[next++];
  for (OutputHome& home : region.homes) home.fallback = addresses_[values_[graph_.outputs[home.output]].place.index];
  return {};
}

void RegionBuilder::resolve_places() {
  for (LiveValue& value : values_) {
    if (value.place.kind != Place::Kind::kStorage) continue;
    const uint32_t index = value.place.index;
    const Storage& storage = storages_[index];
    if (storage.home >= 0)
      value.place = Place::slot(static_cast<uint32_t>(graph_.inputs.size()) + static_cast<uint32_t>(storage.home));
    else if (storage.used) value.place = Place::fixed(addresses_[index]);
    else value.place = {};
  }
}

void RegionBuilder::fill_steps(Region& region) {
  const auto add_operand = [&](plan::ValueId id, bool packed) {
    region.pointers.push_back(nullptr);
    if (id == plan::kNoValue) return;
    const LiveValue& value = values_[id];
    if (value.place.kind == Place::Kind::kSlot)
      region.patches.push_back({static_cast<uint32_t>(region.pointers.size() - 1), value.place.index});
    else region.pointers.back() = const_cast<void*>(value.place.address);
    if (!value.known) return;
    region.kept.push_back(*value.known);
    if (packed) return;  // not read
    // Contents that are read where they are mapped should be there before the first run.
    touch(*value.known);
    environment_.prefault(touched_.back());
  };
  for (PendingStep& pending : steps_) {
    const kernels::Packing* packing = pending.bound.packed.bytes.empty() ? nullptr : pending.bound.row->packing;
    for (size_t i = 0; i < pending.inputs.size(); ++i) add_operand(pending.inputs[i], packing && packing->replaces(i));
    for (plan::ValueId id : pending.outputs) add_operand(id, false);
    touched_.push_back(pending.bound.packed.bytes);
    environment_.prefault(pending.bound.packed.bytes);
  }
  void* const* next = region.pointers.data();
  for (PendingStep& pending : steps_) {
    Step step{.kernel = pending.bound.kernel,
              .inputs = next,
              .outputs = next + pending.inputs.size(),
              .row = pending.bound.row,
              .node = pending.node,
              .in_place = writes_where_it_reads(pending)};
    next = step.outputs + pending.outputs.size();
    region.steps.push_back(std::move(step));
    region.records.push_back(std::move(pending.record));
    if (pending.bound.packed.owner) region.packed.push_back(std::move(pending.bound.packed));
  }
}

bool RegionBuilder::writes_where_it_reads(const PendingStep& step) const {
  const auto shares_place = [&](plan::ValueId output) {
    if (output == plan::kNoValue || values_[output].place.kind == Place::Kind::kNowhere) return false;
    return std::any_of(step.inputs.begin(), step.inputs.end(), [&](plan::ValueId input) {
      return input != plan::kNoValue && values_[input].place == values_[output].place;
    });
  };
  return std::any_of(step.outputs.begin(), step.outputs.end(), shares_place);
}

void RegionBuilder::touch(const Tensor& contents) {
  touched_.emplace_back(static_cast<const std::byte*>(contents.data()), contents.bytes());
}

// Kernels keep their parameters on the heap, a few bytes each, where nobody else finds them.
Result<void> RegionBuilder::lock_memory(Region& region) const {
  auto ranges = touched_;
  ranges.push_back(std::as_bytes(std::span(region.steps)));
  ranges.push_back(std::as_bytes(std::span(region.pointers)));
  ranges.push_back(std::as_bytes(std::span(region.patches)));
  auto locked = platform::PageLock::take(ranges);
  if (!locked.ok()) return locked.error().within("the weights and the memory of these shapes");
  region.lock = locked.take();
  return {};
}

void RegionBuilder::end_graph(Region& region) {
  for (size_t output = 0; output < graph_.outputs.size(); ++output) {
    const LiveValue& value = values_[graph_.outputs[output]];
    OutputSource source{.place = value.place, .fallback = copies_[output], .type = value.type};
    source.kind = is_home(output)   ? OutputSource::Kind::kHome
                  : is_view(output) ? OutputSource::Kind::kView
                                    : OutputSource::Kind::kCopy;
    if (value.known) {
      region.kept.push_back(*value.known);
      touch(*value.known);
    }
    region.outputs.push_back(std::move(source));
  }
}

Result<void> RegionBuilder::end_at_barrier(Region& region, uint32_t node) {
  for (plan::ValueId input : graph_.nodes[node].inputs)
    if (input != plan::kNoValue && values_[input].known) {
      TRY(environment_.packed->check(*values_[input].known));
      touch(*values_[input].known);
    }
  region.barrier = std::make_unique<Barrier>(environment_.budget);
  Barrier& barrier = *region.barrier;
  barrier.node = node;
  barrier.first_slot = request_.next_slot;
  for (plan::ValueId output : graph_.nodes[node].outputs) {
    barrier.wanted.push_back(uses_.wanted(output));
    barrier.buffers.emplace_back(environment_.budget);
  }
  barrier.values = std::move(values_);
  return {};
}

}  // namespace tercel::engine
