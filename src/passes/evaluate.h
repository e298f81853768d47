#pragma once

#include <span>
#include <vector>

#include "graph/graph.h"

// Computing with the reference kernels: constants while folding, and whole small graphs as the oracle of the tests.
// Slow, exact to the reference's precision, on the calling thread.
namespace tercel::passes {

// The outputs of one operator on known inputs (null where absent); `wanted` says which outputs to compute, the others stay
// empty tensors. Fails when the shapes don't fit, when no kernel takes the step, and for control flow.
Result<std::vector<Tensor>> evaluate(const ops::OpDef& op, const ops::Attributes& attributes,
                                     std::span<const Tensor* const> inputs, const std::vector<bool>& wanted);

// The one output of an operator.
Result<Tensor> evaluate(std::string_view op, const ops::Attributes& attributes, std::span<const Tensor* const> inputs);

// The outputs of a graph without control flow, for inputs in the order of graph.inputs.
Result<std::vector<Tensor>> evaluate(const graph::Graph& graph, std::span<const Tensor> inputs);

}  // namespace tercel::passes
