#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/kernel.h"
#include "plan/program.h"

namespace tercel::engine {

// Which constants, packed how.
struct PackingKey {
  uint32_t graph = 0, node = 0;
  std::string format;
  // Inputs that are constants of an outer graph, and which: one subgraph may run with several captured ones.
  std::vector<std::pair<size_t, const void*>> captured;
  auto operator<=>(const PackingKey&) const = default;
};

// Packed bytes and what keeps them.
struct Packed {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

// The weights of one program in the formats that kernel rows asked for: from the plan where it has them, else packed here,
// once. Shared by all sessions of the program; safe from several threads.
class PackedWeights {
 public:
  // The one of `program`, made when no session has it yet.
  static std::shared_ptr<PackedWeights> of(const std::shared_ptr<const plan::Program>& program);

  // `context` describes the step without its packed weights. `stable`: the source is a constant of the program, so that
  // its packed form may be kept; otherwise it belongs to one bound shape and only the caller keeps it.
  Result<Packed> get(const PackingKey& key, const kernels::Packing& packing, const kernels::StepContext& context, bool stable);

  // What the plan holds for a node of its main graph in the format of this tactic; empty when it holds nothing.
  std::span<const std::byte> stored(uint32_t node, std::string_view tactic) const;

  // A constant is what was written; for those who read it as it is.
  Result<void> check(const Tensor& constant) const;

 private:
  explicit PackedWeights(std::shared_ptr<const plan::Program> program);
  Result<Packed> pack_checked(const kernels::Packing& packing, const kernels::StepContext& context) const;

  std::shared_ptr<const plan::Program> program_;
  std::mutex mutex_;
  std::map<PackingKey, Packed> packed_;                       // packed here
  std::map<PackingKey, std::span<const std::byte>> in_plan_;  // nothing is captured
};

}  // namespace tercel::engine
