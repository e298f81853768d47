#pragma once

#include <list>
#include <memory>
#include <vector>

#include "engine/bound_graph.h"
#include "engine/region.h"

namespace tercel::engine {

// What follows a barrier, for one set of types that the barrier's node produced.
struct Continuation {
  std::vector<TensorType> types;  // per output of the node
  std::unique_ptr<Region> region;
};

// Continuations and bound subgraphs that a barrier keeps; the least recently used goes first.
inline constexpr size_t kContinuationsMax = 16;

// The node at the end of a region. Its outputs have slots; their memory grows as data wants it.
struct Barrier {
  explicit Barrier(MemoryBudget& budget) : budget(&budget) {}

  MemoryBudget* budget;
  uint32_t node = 0;
  uint32_t first_slot = 0;                        // of output 0; output i has first_slot + i
  std::vector<LiveValue> values;                  // as they are when the region has run
  std::vector<char> wanted;                       // per output
  std::vector<Block> buffers;                     // per output
  std::list<Continuation> continuations;          // most recent first
  std::list<std::unique_ptr<BoundGraph>> bodies;  // bound subgraphs of control flow, most recent first
  std::vector<Block> carried;                     // buffers of loops: two per carried value
};

}  // namespace tercel::engine
