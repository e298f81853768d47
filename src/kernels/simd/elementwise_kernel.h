#pragma once

#include <vector>

#include "kernels/kernel.h"
#include "kernels/simd/broadcast.h"
#include "kernels/simd/elementwise_leaves.h"
#include "kernels/simd/parallel.h"

// Runs an elementwise program over its broadcast index space, a block at a time: every instruction is one vector loop over
// a block that stays in the first-level cache. Intermediate results are blocks in scratch.
namespace tercel::kernels::simd {

// How the engine feeds one input to a block.
enum class Source : uint8_t {
  kStream,  // contiguous: read in place
  kScalar,  // one number for the whole block
  kRepeat,  // the same block contents every time (a bias [C] behind [.., C]): written to scratch once
  kExpand,  // any other broadcast: written to scratch block by block
  kUnused,
};

// Everything a run needs, resolved.
struct ElementwisePlan {
  enum class From : uint8_t { kNone, kInput, kTemporary, kConstant };
  struct Operand {
    From from = From::kNone;
    int16_t index = 0;
  };
  struct Step {
    ElementLeaf leaf;
    Operand operands[3];
    int16_t target;  // temporary, or kOutput
    bool scalar;     // all operands are numbers, so is the result
  };
  static constexpr int16_t kOutput = -1;

  BroadcastSpace space;
  int inputs = 0;
  int outer_rank = 0;  // dimensions of `space` that are walked row by row; the rest is one row
  int64_t rows = 0, row = 0, block = 0, blocks_per_row = 0;
  Source sources[kBroadcastInputsMax] = {};
  int16_t staging[kBroadcastInputsMax] = {};  // index of the scratch block, for kRepeat and kExpand
  int scratch_blocks = 0;                     // per worker: staged inputs, then temporaries
  std::vector<Step> steps;
  std::vector<float> constants;
  Cut cut;  // of rows * blocks_per_row

  size_t block_bytes() const { return align_up(static_cast<size_t>(block) * sizeof(float), kTensorAlignment); }
  size_t worker_bytes() const { return static_cast<size_t>(scratch_blocks) * block_bytes(); }
};

Kernel elementwise_kernel(ElementwisePlan plan, int threads);

// Empty when every input in use, and the output, are float32.
Refusal elementwise_refusal(const StepContext& context);

// `program` reads the inputs of the step by their index.
Result<Kernel> bind_elementwise(const StepContext& context, const ops::ElementwiseProgram& program);

}  // namespace tercel::kernels::simd
