#pragma once

#include <optional>
#include <vector>

#include "ops/elementwise_program.h"
#include "passes/match.h"

namespace tercel::passes {

// An elementwise node as program instructions: `code` over its operands, which are values or numbers.
struct ElementwiseOperand {
  ValueId value = kNoValue;  // when kNoValue, `number`
  float number = 0;
};
struct ElementwiseStep {
  ops::ElementwiseCode code;
  std::vector<ElementwiseOperand> operands;  // more than two of a binary code: applied from left to right

  // Instructions it takes.
  int length() const { return ops::operand_count(code) == 2 && operands.size() > 2 ? static_cast<int>(operands.size()) - 1 : 1; }
};

// nullopt when a program cannot express the node: other types than float32, bounds that are not constant, ...
std::optional<ElementwiseStep> elementwise_step(const Editor& e, const Node& node);

}  // namespace tercel::passes
