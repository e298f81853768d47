#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ops/op.h"
#include "plan/block_checks.h"
#include "platform/isa.h"
#include "tensor/tensor.h"

namespace tercel::plan {

using ValueId = uint32_t;
inline constexpr ValueId kNoValue = UINT32_MAX;

struct ProgramValue {
  std::string name;
  TensorType type;  // extents may be symbols (Program::symbols) or unknown; a wrong guess is not an error
  bool is_constant = false;
  Tensor constant;  // when is_constant: a view of the mapped weights
};

struct ProgramNode {
  const ops::OpDef* op = nullptr;
  std::string name;
  ops::Attributes attributes;
  std::vector<ValueId> inputs, outputs;  // kNoValue: absent / unwanted
};

// The lowered graph as the engine runs it: nodes in execution order, constants in place. What graph::Graph is in the
// compile half, this is in the run half; planner/ makes it, the plan file holds it.
struct ProgramGraph {
  std::string name;
  std::vector<ProgramValue> values;
  std::vector<ProgramNode> nodes;
  std::vector<ValueId> inputs, outputs;
};

// The extents one input of the main graph accepts. low == high for a fixed one.
struct InputRange {
  std::string name;
  DType dtype = DType::kFloat32;
  std::vector<int64_t> low, high;       // per axis; high is kDimMax where the profile leaves it open
  std::vector<std::string> axis_names;  // "" where the axis has no symbol; equal names must have equal extents
};
inline constexpr int64_t kDimMax = int64_t{1} << 31;

// A time the planner measured on the machine that it tuned for.
struct MeasuredLatency {
  uint32_t threads = 1;
  double p50_us = 0, p99_us = 0;
  double p999_us = 0;  // 0: measured too seldom to tell
};

// What the planner measured and chose for one point in the profile's range.
struct Bucket {
  std::vector<std::vector<int64_t>> input_shapes;  // of the main graph, in input order
  std::vector<uint32_t> tactics;  // per node of the main graph: index into TunedSection::tactic_names, or kUntuned
  std::vector<float> step_us;     // per node: measured time of the chosen tactic, or < 0
  uint64_t arena_bytes = 0;
  std::vector<MeasuredLatency> latency;
};
inline constexpr uint32_t kUntuned = UINT32_MAX;

// A constant in the packed format that a kernel row asked for; shared by all buckets.
struct PackedWeight {
  uint32_t graph = 0, node = 0;
  std::string format;                // kernels::Packing::format
  std::span<const std::byte> bytes;  // a view of the mapping, kTensorAlignment-aligned
};

// Why a tactic was not chosen for a node; printed by `tercel explain`.
struct TacticNote {
  uint32_t node = 0;
  std::string tactic;
  std::string reason;  // refusal, "slower: 12.3 us against 8.1 us", "differs from the reference by ..."
};

// What was tuned for one kind of hardware.
struct TunedSection {
  platform::Isa isa;
  std::string cpu;  // model name, for reports
  std::vector<std::string> tactic_names;
  std::vector<Bucket> buckets;  // smallest first
  std::vector<PackedWeight> packed;
  std::vector<TacticNote> notes;  // of the first bucket
};

struct PassRecord {
  std::string name;
  uint32_t changes = 0;
  double milliseconds = 0;
};

// All that a plan says. Strings and small tables are parsed at open; weights stay in the mapping, which the Tensors share.
struct Program {
  std::string model_name, producer, compiler;  // compiler: "tercel 0.1.0"
  std::string model_digest;                    // of the source file, for `compare` and provenance
  std::vector<std::string> symbols;
  std::vector<ProgramGraph> graphs;  // graphs[0] is the main one
  std::vector<InputRange> profile;   // per input of the main graph
  std::vector<PassRecord> passes;
  std::vector<TunedSection> tuned;
  std::shared_ptr<const BlockChecks> checks;  // of weights that nobody has read yet; null: there are none

  // Says so when contents of large constants or packed weights are not what was written. Before they are first read;
  // costs nothing afterwards.
  Result<void> check(std::span<const std::byte> bytes) const { return checks ? checks->check(bytes) : Result<void>(); }
  const ProgramGraph& main() const { return graphs[0]; }
};

}  // namespace tercel::plan
