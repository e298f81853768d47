#pragma once

#include <memory>
#include <span>

#include "engine/memory.h"
#include "engine/packed_weights.h"
#include "plan/program.h"
#include "platform/isa.h"
#include "platform/pages.h"

namespace tercel::engine {

// What binding needs to know of the session it is for. Outlives everything bound with it.
struct Environment {
  std::shared_ptr<const plan::Program> program;
  const plan::TunedSection* tuned = nullptr;  // null: nothing was tuned for this host
  std::shared_ptr<PackedWeights> packed;
  platform::Isa isa;
  int threads = 1;
  bool lock_memory = false;  // what runs touch stays in memory
  MemoryBudget budget;

  // Makes weights present that will be read where they are mapped. What was compared with checksums has been read: asking
  // the system page by page whether it is there takes longer than reading it did.
  void prefault(std::span<const std::byte> bytes) const {
    if (!program->checks) platform::prefault(bytes);
  }

  const plan::ProgramGraph& graph(uint32_t index) const { return program->graphs[index]; }
};

}  // namespace tercel::engine
