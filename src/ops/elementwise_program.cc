#include "ops/elementwise_program.h"

#include <string>

namespace tercel::ops {

namespace {

using enum ElementwiseCode;

constexpr int kIntsPerInstruction = 4;
constexpr int kConstantsMax = kFirstConstant;

constexpr bool is_code(int64_t value) { return value >= 0 && value <= static_cast<int64_t>(kHardSigmoid); }

bool operand_exists(int64_t operand, int64_t earlier_instructions, int64_t inputs, int64_t constants) {
  if (operand >= kFirstConstant) return operand - kFirstConstant < constants;
  if (operand >= kFirstResult) return operand - kFirstResult < earlier_instructions;
  return operand >= 0 && operand < inputs;
}

}  // namespace

int operand_count(ElementwiseCode code) {
  if (code <= kPow) return 2;
  if (code <= kHardSwish) return 1;
  return code == kLeakyRelu ? 2 : 3;
}

Result<ElementwiseProgram> elementwise_program_of(const Attributes& attributes, int input_count) {
  const auto ints = attributes.get_ints("program");
  const auto constants = attributes.get_floats("constants");
  if (input_count < 0 || input_count > kProgramInputsMax)
    return too_large("an elementwise program has at most " + std::to_string(kProgramInputsMax) + " inputs, not " +
                     std::to_string(input_count));
  if (ints.empty() || ints.size() % kIntsPerInstruction || ints.size() > kProgramInstructionsMax * kIntsPerInstruction)
    return invalid("attribute 'program' must hold 1.." + std::to_string(kProgramInstructionsMax) + " instructions of four ints");
  if (constants.size() > kConstantsMax) return too_large("attribute 'constants' holds too many constants");

  ElementwiseProgram program;
  program.constants.assign(constants.begin(), constants.end());
  for (size_t i = 0; i < ints.size() / kIntsPerInstruction; ++i) {
    const auto fields = ints.subspan(i * kIntsPerInstruction, kIntsPerInstruction);
    if (!is_code(fields[0]))
      return invalid("instruction " + std::to_string(i) + " has the unknown code " + std::to_string(fields[0]));
    ElementwiseInstruction instruction{static_cast<ElementwiseCode>(fields[0])};
    int16_t* const operands[] = {&instruction.a, &instruction.b, &instruction.c};
    for (int k = 0; k < operand_count(instruction.code); ++k) {
      const int64_t operand = fields[static_cast<size_t>(k) + 1];
      if (!operand_exists(operand, static_cast<int64_t>(i), input_count, static_cast<int64_t>(constants.size())))
        return invalid("instruction " + std::to_string(i) + " reads operand " + std::to_string(operand) +
                       ", which does not exist");
      *operands[k] = static_cast<int16_t>(operand);
    }
    program.instructions.push_back(instruction);
  }
  return program;
}

void set_elementwise_program(Attributes& attributes, const ElementwiseProgram& program) {
  std::vector<int64_t> ints;
  for (const ElementwiseInstruction& i : program.instructions)
    for (const int64_t field : {static_cast<int64_t>(i.code), int64_t{i.a}, int64_t{i.b}, int64_t{i.c}}) ints.push_back(field);
  attributes.set("program", std::move(ints));
  attributes.set("constants", program.constants);
}

}  // namespace tercel::ops
