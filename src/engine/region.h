#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/environment.h"
#include "engine/live_value.h"
#include "engine/memory.h"
#include "engine/row_choice.h"
#include "kernels/kernel.h"
#include "platform/page_lock.h"

namespace tercel::engine {

struct Barrier;

// One kernel call with all that it needs.
struct Step {
  kernels::Kernel kernel;
  void* const* inputs = nullptr;  // into Region::pointers; null entries are absent operands
  void* const* outputs = nullptr;
  const kernels::KernelRow* row = nullptr;
  uint32_t node = 0;      // of the graph
  bool in_place = false;  // an output lies where an input does
};

// What explain, observers and the estimate of work need to know of a step; parallel to Region::steps.
struct StepRecord {
  std::vector<TensorType> outputs;  // as in the node; meaningless where the pointer is null
  double flops = 0;
  double bytes = 0;  // that must move: inputs, weights, outputs
};

// Before a region runs, pointers[entry] = slots[slot].
struct Patch {
  uint32_t entry = 0, slot = 0;
};

// A graph output that this region computes straight into the caller's buffer, or into `fallback` when there is none.
struct OutputHome {
  uint32_t output = 0;
  void* fallback = nullptr;
};

// How one graph output reaches the caller when the graph ends.
struct OutputSource {
  enum class Kind : uint8_t {
    kHome,  // it is in its slot already
    kCopy,  // copied from `place` to the caller's buffer or to `fallback`: outputs that are inputs, constants or twice there
    kView,  // of a size that was not known when the caller chose a buffer: shown where it lies
  };
  Kind kind = Kind::kHome;
  Place place;  // kFixed or kSlot
  void* fallback = nullptr;
  TensorType type;
};

// A run of nodes whose sizes are known when it is bound: flat steps over addresses that do not change, but for slots.
// It ends with the graph, or at a barrier: a node whose output sizes only its data tell, or control flow.
struct Region {
  explicit Region(MemoryBudget& budget);
  ~Region();
  Region(const Region&) = delete;

  std::vector<Step> steps;
  std::vector<StepRecord> records;
  std::vector<void*> pointers;
  std::vector<Patch> patches;
  std::vector<OutputHome> homes;
  std::byte* scratch = nullptr;
  size_t arena_bytes = 0;

  std::unique_ptr<Barrier> barrier;   // null: the graph ends here
  std::vector<OutputSource> outputs;  // then

  std::vector<Tensor> kept;  // contents that steps read: constants, values computed while binding
  size_t kept_bytes = 0;     // of those computed while binding; counted in the budget
  std::vector<Packed> packed;
  MemoryBudget& budget;
  Block memory;             // where it is not the session's arena
  platform::PageLock lock;  // on what its steps touch, when Environment::lock_memory says so
};

// Where the main region of a shape takes its memory from: the session's arena, which all its shapes share. Null for
// regions that are bound during a run, and for subgraphs: they own theirs.
class ArenaSource {
 public:
  virtual ~ArenaSource() = default;
  virtual Result<std::byte*> take(size_t bytes) = 0;  // prefaulted; the address stays good
};

// What a region is built from.
struct RegionRequest {
  Environment* environment = nullptr;
  uint32_t graph = 0;
  uint32_t first_node = 0;
  uint32_t next_slot = 0;         // the first that no one uses yet
  std::vector<LiveValue> values;  // by ValueId: what is known where the region starts
  const ValueUses* uses = nullptr;
  const plan::Bucket* bucket = nullptr;  // tuned tactics of the main graph, or null
  ArenaSource* arena = nullptr;
};

// Binds the nodes from `first_node` up to the end of the graph or to a barrier. Errors name the node.
Result<std::unique_ptr<Region>> build_region(RegionRequest request);

}  // namespace tercel::engine
