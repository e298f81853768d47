#pragma once

#include "engine/region.h"
#include "engine/typed_node.h"

// How build_region() works; nobody else includes this. First every node in turn becomes known contents, another name for
// an earlier value, or a pending step (region_builder.cc); then what is needed gets memory and addresses (region_layout.cc).
namespace tercel::engine {

struct PendingStep {
  uint32_t node = 0;
  BoundRow bound;
  std::vector<plan::ValueId> inputs, outputs;  // kNoValue where absent
  StepRecord record;
};

// A buffer of the region; several values may share it one after another (in place) or under several names.
struct Storage {
  size_t bytes = 0;
  int32_t last_reader = ValueUses::kNobody;  // over the values it holds now
  bool used = false;                         // by a step that is needed
  uint32_t first = 0, last = 0;              // positions of such steps
  int32_t home = -1;                         // graph output whose caller's buffer it is
};

class RegionBuilder {
 public:
  explicit RegionBuilder(RegionRequest request);
  Result<std::unique_ptr<Region>> build();

 private:
  // Walking, in region_builder.cc.
  Result<bool> visit(uint32_t node);  // false: the node is a barrier
  TypedNode typed(const plan::ProgramNode& node) const;
  bool rename(const TypedNode& node);
  bool take_dims(const TypedNode& node, std::span<const std::optional<std::vector<Dim>>> dims);
  Result<bool> fold(const TypedNode& node);
  Result<void> add_step(const TypedNode& node, uint32_t index);
  const kernels::KernelRow* tuned_row(uint32_t node) const;
  int64_t in_place_input(const TypedNode& node) const;
  bool writes_where_it_reads(const PendingStep& step) const;
  void place_output(const TypedNode& node, size_t output, int64_t in_place);
  void set_known(plan::ValueId id, Tensor contents);

  // Placing, in region_layout.cc.
  Result<std::unique_ptr<Region>> finish(uint32_t end_node);
  void drop_unneeded(uint32_t end_node);
  void find_lifetimes(uint32_t end_node);
  void choose_homes(Region& region);
  Result<void> place_memory(Region& region, bool ends);
  size_t copied_bytes(size_t output) const;
  void resolve_places();
  void fill_steps(Region& region);
  void touch(const Tensor& contents);
  Result<void> lock_memory(Region& region) const;
  void end_graph(Region& region);
  Result<void> end_at_barrier(Region& region, uint32_t node);
  bool lives_on(plan::ValueId id, uint32_t end_node) const { return uses_.last_reader[id] >= static_cast<int32_t>(end_node); }
  bool is_home(size_t output) const;  // computed into the caller's buffer
  bool is_view(size_t output) const;  // made by a barrier

  RegionRequest request_;
  Environment& environment_;
  const plan::ProgramGraph& graph_;
  const ValueUses& uses_;
  std::vector<LiveValue>& values_;
  std::vector<plan::ValueId> root_;  // by ValueId: the value it is another name of, itself otherwise
  std::vector<Storage> storages_;
  std::vector<PendingStep> steps_;
  std::vector<void*> copies_;          // by output: where a copied output goes without a caller's buffer
  std::vector<std::byte*> addresses_;  // by storage
  size_t evaluated_bytes_ = 0;
  std::vector<std::span<const std::byte>> touched_;  // by runs: memory, constants, packed weights
};

}  // namespace tercel::engine
