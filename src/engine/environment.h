#pragma once

#include <memory>

#include "engine/memory.h"
#include "engine/packed_weights.h"
#include "plan/program.h"
#include "platform/isa.h"

namespace tercel::engine {

// What binding needs to know of the session it is for. Outlives everything bound with it.
struct Environment {
  std::shared_ptr<const plan::Program> program;
  const plan::TunedSection* tuned = nullptr;  // null: nothing was tuned for this host
  std::shared_ptr<PackedWeights> packed;
  platform::Isa isa;
  int threads = 1;
  MemoryBudget budget;

  const plan::ProgramGraph& graph(uint32_t index) const { return program->graphs[index]; }
};

}  // namespace tercel::engine
