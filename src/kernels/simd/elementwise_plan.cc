#include <algorithm>

#include "kernels/simd/elementwise_kernel.h"

namespace tercel::kernels::simd {

namespace {

// Floats a block: a handful of them fit the smallest first-level caches (32 KiB). Programs of one instruction need no
// intermediate block, so theirs may be longer.
constexpr int64_t kBlock = 1024, kBlockAlone = 8192;
// Rows at least this long are worth a loop of their own.
constexpr int64_t kRowMin = 64;

// Nanoseconds an element on one core with 256-bit vectors, roughly: for cutting only.
double cost_of(ops::ElementwiseCode code) {
  using Code = ops::ElementwiseCode;
  switch (code) {
    case Code::kPow: return 6;
    case Code::kSin:
    case Code::kCos: return 1.5;
    case Code::kExp:
    case Code::kLog:
    case Code::kTanh:
    case Code::kSigmoid:
    case Code::kErf:
    case Code::kSilu:
    case Code::kGelu: return 0.5;
    case Code::kSoftplus:
    case Code::kGeluTanh: return 1;
    default: return 0.15;
  }
}

// The elements after which an input of a flat walk repeats: its trailing contiguous dimensions, if nothing else varies it.
int64_t period_of(const BroadcastSpace& space, int input) {
  int64_t period = 1;
  int dim = space.rank - 1;
  for (; dim >= 0 && space.strides[input][dim] == period; --dim) period *= space.extents[dim];
  for (; dim >= 0; --dim)
    if (space.strides[input][dim] != 0) return 0;
  return period;
}

bool uses_input(const ops::ElementwiseProgram& program, int input) {
  return std::any_of(program.instructions.begin(), program.instructions.end(),
                     [&](const ops::ElementwiseInstruction& instruction) {
                       const int16_t operands[] = {instruction.a, instruction.b, instruction.c};
                       return std::find(operands, operands + ops::operand_count(instruction.code), input) !=
                              operands + ops::operand_count(instruction.code);
                     });
}

// Walks everything as one long row. Inputs that neither stream nor stay constant are repeated or expanded into scratch.
void choose_flat(ElementwisePlan& plan) {
  plan.outer_rank = 0;
  plan.rows = 1;
  plan.row = plan.space.elements();
  for (int i = 0; i < plan.inputs; ++i) {
    if (plan.sources[i] == Source::kUnused) continue;
    const int64_t period = period_of(plan.space, i);
    if (period == plan.row) {
      plan.sources[i] = Source::kStream;
    } else if (period == 1) {
      plan.sources[i] = Source::kScalar;
    } else if (period > 0 && plan.block % period == 0) {
      plan.sources[i] = Source::kRepeat;
    } else if (period > 0 && period <= plan.block && std::count(plan.sources, plan.sources + plan.inputs, Source::kRepeat) == 0) {
      plan.block -= plan.block % period;  // the first to ask sets the length of blocks
      plan.sources[i] = Source::kRepeat;
    } else {
      plan.sources[i] = Source::kExpand;
    }
  }
}

// Walks rows of the innermost dimension, along which every input streams or is one number.
void choose_rows(ElementwisePlan& plan) {
  plan.outer_rank = plan.space.rank - 1;
  plan.row = plan.space.inner();
  plan.rows = plan.space.elements() / plan.row;
  for (int i = 0; i < plan.inputs; ++i)
    if (plan.sources[i] != Source::kUnused)
      plan.sources[i] = plan.space.strides[i][plan.space.rank - 1] ? Source::kStream : Source::kScalar;
}

void choose_walk(ElementwisePlan& plan, size_t instructions) {
  const auto count = [&](Source source) { return std::count(plan.sources, plan.sources + plan.inputs, source); };
  plan.block = kBlock;
  choose_flat(plan);
  if (count(Source::kExpand) > 0 && plan.space.inner() >= kRowMin) {
    plan.block = kBlock;
    choose_rows(plan);
  }
  if (instructions == 1 && count(Source::kExpand) + count(Source::kRepeat) == 0) plan.block = kBlockAlone;
  plan.block = std::min(plan.block, plan.row);
  plan.blocks_per_row = (plan.row + plan.block - 1) / plan.block;
  for (int i = 0; i < plan.inputs; ++i)
    if (plan.sources[i] == Source::kRepeat || plan.sources[i] == Source::kExpand)
      plan.staging[i] = static_cast<int16_t>(plan.scratch_blocks++);
}

// Turns instructions into steps: loops for the kinds of operands they have, temporaries reused when their last reader is done.
class StepMaker {
 public:
  StepMaker(ElementwisePlan& plan, const ops::ElementwiseProgram& program, const platform::Isa& isa)
      : plan_(plan), program_(program), isa_(isa) {
    last_use_.assign(program.instructions.size(), -1);
    for (size_t i = 0; i < program.instructions.size(); ++i)
      for_operands(program.instructions[i], [&](int, int16_t code) {
        if (is_result(code)) last_use_[static_cast<size_t>(code - ops::kFirstResult)] = static_cast<int>(i);
      });
  }

  void make() {
    for (size_t i = 0; i < program_.instructions.size(); ++i) make_step(static_cast<int>(i));
  }

 private:
  static bool is_result(int16_t code) { return code >= ops::kFirstResult && code < ops::kFirstConstant; }

  template <typename F>
  static void for_operands(const ops::ElementwiseInstruction& instruction, const F& f) {
    const int16_t codes[] = {instruction.a, instruction.b, instruction.c};
    for (int k = 0; k < ops::operand_count(instruction.code); ++k) f(k, codes[k]);
  }

  ElementwisePlan::Operand operand_of(int16_t code) const {
    using From = ElementwisePlan::From;
    if (code >= ops::kFirstConstant) return {From::kConstant, static_cast<int16_t>(code - ops::kFirstConstant)};
    if (is_result(code)) return {From::kTemporary, plan_.steps[static_cast<size_t>(code - ops::kFirstResult)].target};
    return {From::kInput, code};
  }

  bool is_scalar(int16_t code) const {
    if (code >= ops::kFirstConstant) return true;
    if (is_result(code)) return plan_.steps[static_cast<size_t>(code - ops::kFirstResult)].scalar;
    return plan_.sources[code] == Source::kScalar;
  }

  void make_step(int index) {
    const ops::ElementwiseInstruction& instruction = program_.instructions[static_cast<size_t>(index)];
    const bool last = index + 1 == static_cast<int>(program_.instructions.size());
    ElementwisePlan::Step step{};
    unsigned scalars = 0;
    for_operands(instruction, [&](int k, int16_t code) {
      step.operands[k] = operand_of(code);
      scalars |= static_cast<unsigned>(is_scalar(code)) << k;
    });
    step.scalar = scalars + 1 == 1u << ops::operand_count(instruction.code);
    step.leaf = find_leaf(instruction.code, step.scalar ? 0 : scalars, isa_);
    release_operands(instruction, index);
    step.target = last ? ElementwisePlan::kOutput : take_temporary();
    plan_.steps.push_back(step);
  }

  void release_operands(const ops::ElementwiseInstruction& instruction, int index) {
    for_operands(instruction, [&](int, int16_t code) {
      if (!is_result(code)) return;
      const auto result = static_cast<size_t>(code - ops::kFirstResult);
      if (last_use_[result] != index) return;
      last_use_[result] = -1;  // once, although an instruction may read a result twice
      free_.push_back(plan_.steps[result].target);
    });
  }

  int16_t take_temporary() {
    if (free_.empty()) return static_cast<int16_t>(plan_.scratch_blocks++);
    const int16_t block = free_.back();
    free_.pop_back();
    return block;
  }

  ElementwisePlan& plan_;
  const ops::ElementwiseProgram& program_;
  const platform::Isa& isa_;
  std::vector<int> last_use_;
  std::vector<int16_t> free_;
};

}  // namespace

Refusal elementwise_refusal(const StepContext& context) {
  if (context.inputs.size() > kBroadcastInputsMax) return "takes at most 8 inputs";
  for (const StepContext::Operand& input : context.inputs)
    if (input.present && input.type.dtype != DType::kFloat32)
      return "wants float32 inputs, not " + std::string(dtype_name(input.type.dtype));
  return context.out().dtype == DType::kFloat32 ? "" : "wants a float32 output";
}

Result<Kernel> bind_elementwise(const StepContext& context, const ops::ElementwiseProgram& program) {
  if (context.out().shape.elements() == 0) return Kernel([](const Buffers&) {});
  ElementwisePlan plan;
  plan.inputs = static_cast<int>(context.inputs.size());
  std::vector<Shape> shapes;
  for (int i = 0; i < plan.inputs; ++i) {
    const bool used = context.has(static_cast<size_t>(i)) && uses_input(program, i);
    plan.sources[i] = used ? Source::kScalar : Source::kUnused;
    shapes.push_back(used ? context.in(static_cast<size_t>(i)).shape : Shape());
  }
  plan.space = merged_space(context.out().shape, shapes);
  plan.constants = program.constants;
  choose_walk(plan, program.instructions.size());
  StepMaker(plan, program, context.isa).make();
  double ns_per_element = 0;
  for (const ops::ElementwiseInstruction& instruction : program.instructions) ns_per_element += cost_of(instruction.code);
  plan.cut = cut_work(plan.rows * plan.blocks_per_row, ns_per_element * static_cast<double>(plan.block));
  return elementwise_kernel(std::move(plan), context.threads);
}

}  // namespace tercel::kernels::simd
