#include "kernels/simd/elementwise_kernel.h"

#include <algorithm>

namespace tercel::kernels::simd {

namespace {

// One worker's pass over consecutive blocks.
class BlockRunner {
 public:
  BlockRunner(const ElementwisePlan& plan, const Buffers& buffers, int worker)
      : plan_(plan),
        buffers_(buffers),
        block_bytes_(plan.block_bytes()),
        scratch_(buffers.scratch + static_cast<size_t>(worker) * plan.worker_bytes()) {}

  void run(int64_t begin, int64_t end) {
    for (int i = 0; i < plan_.inputs; ++i)
      if (plan_.sources[i] == Source::kRepeat)
        expand_input(plan_.space, i, buffers_.in<float>(i), 0, std::min(plan_.block, plan_.row), scratch_block(plan_.staging[i]));
    RowCursor cursor(plan_.space, plan_.outer_rank, plan_.inputs, begin / plan_.blocks_per_row);
    int64_t row = begin / plan_.blocks_per_row, block = begin % plan_.blocks_per_row;
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t start = block * plan_.block, count = std::min(plan_.block, plan_.row - start);
      locate_inputs(cursor, start, count);
      evaluate(static_cast<size_t>(count), buffers_.out<float>() + row * plan_.row + start);
      if (++block < plan_.blocks_per_row) continue;
      block = 0;
      ++row;
      cursor.advance();
    }
  }

 private:
  float* scratch_block(int index) { return reinterpret_cast<float*>(scratch_ + static_cast<size_t>(index) * block_bytes_); }

  void locate_inputs(const RowCursor& cursor, int64_t start, int64_t count) {
    for (int i = 0; i < plan_.inputs; ++i) {
      const float* base = buffers_.in<float>(i);
      switch (plan_.sources[i]) {
        case Source::kStream: inputs_[i] = base + cursor.offset(i) + start; break;
        case Source::kScalar: inputs_[i] = base + cursor.offset(i); break;
        case Source::kRepeat: inputs_[i] = scratch_block(plan_.staging[i]); break;
        case Source::kExpand:
          inputs_[i] = scratch_block(plan_.staging[i]);
          expand_input(plan_.space, i, base, start, count, scratch_block(plan_.staging[i]));
          break;
        case Source::kUnused: break;
      }
    }
  }

  const float* address(ElementwisePlan::Operand operand) {
    switch (operand.from) {
      case ElementwisePlan::From::kInput: return inputs_[operand.index];
      case ElementwisePlan::From::kTemporary: return scratch_block(operand.index);
      case ElementwisePlan::From::kConstant: return &plan_.constants[static_cast<size_t>(operand.index)];
      case ElementwisePlan::From::kNone: break;
    }
    return nullptr;
  }

  void evaluate(size_t count, float* out) {
    for (const ElementwisePlan::Step& step : plan_.steps) {
      float* target = step.target == ElementwisePlan::kOutput ? out : scratch_block(step.target);
      step.leaf(address(step.operands[0]), address(step.operands[1]), address(step.operands[2]), target, step.scalar ? 1 : count);
      if (step.scalar && step.target == ElementwisePlan::kOutput) std::fill(target + 1, target + count, *target);
    }
  }

  const ElementwisePlan& plan_;
  const Buffers& buffers_;
  size_t block_bytes_;
  std::byte* scratch_;
  const float* inputs_[kBroadcastInputsMax] = {};
};

}  // namespace

Kernel elementwise_kernel(ElementwisePlan plan, int threads) {
  const size_t scratch_bytes = plan.worker_bytes() * static_cast<size_t>(std::max(threads, 1));
  const auto run = [plan = std::move(plan)](const Buffers& buffers) {
    run_anyhow(*buffers.workers, plan.cut,
               [&](int64_t begin, int64_t end, int worker) { BlockRunner(plan, buffers, worker).run(begin, end); });
  };
  return Kernel(run, scratch_bytes);
}

}  // namespace tercel::kernels::simd
