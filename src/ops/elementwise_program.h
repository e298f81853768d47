#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ops/attributes.h"

namespace tercel::ops {

// The little program of a tercel.FusedElementwise node: a chain of float32 operations on inputs that broadcast to one
// output. Stored in the node's attributes `program` (four ints an instruction) and `constants` (floats).
// Limits: kProgramInstructionsMax instructions, kProgramInputsMax inputs.
inline constexpr int kProgramInstructionsMax = 32;
inline constexpr int kProgramInputsMax = 8;

// Stored in plans: never renumber, only append.
enum class ElementwiseCode : uint8_t {
  kAdd, kSubtract, kMultiply, kDivide, kMin, kMax, kPow,                             // a, b
  kNegate, kAbs, kExp, kLog, kSqrt, kReciprocal, kTanh, kSigmoid, kErf, kRelu,       // a
  kFloor, kCeil, kRound, kSin, kCos, kSoftplus, kSilu, kGelu, kGeluTanh, kHardSwish, // a
  kClip,                                                                             // a, min b, max c
  kMultiplyAdd,                                                                      // a * b + c
  kLeakyRelu, kHardSigmoid,                                                          // a, slope b / a, alpha b, beta c
};

// Where an operand comes from: 0.. an input, kFirstResult.. an earlier instruction, kFirstConstant.. a constant.
inline constexpr int kFirstResult = 1000;
inline constexpr int kFirstConstant = 2000;

struct ElementwiseInstruction {
  ElementwiseCode code;
  int16_t a = 0, b = 0, c = 0;  // operands; unused ones are 0
};

struct ElementwiseProgram {
  std::vector<ElementwiseInstruction> instructions;  // the last one is the output
  std::vector<float> constants;
};

int operand_count(ElementwiseCode code);
// Decodes and checks a program (operands exist, results are earlier, limits hold) for `input_count` inputs.
Result<ElementwiseProgram> elementwise_program_of(const Attributes& attributes, int input_count);
void set_elementwise_program(Attributes& attributes, const ElementwiseProgram& program);

}  // namespace tercel::ops
