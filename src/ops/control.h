#pragma once

#include "ops/attributes.h"

// If, Loop and Scan as Tercel stores them. Their subgraphs are closed: what a subgraph reads from outside is a *capture*,
// an extra input of the node and of its subgraphs, after the formal ones. With C captures (attribute `captures`):
//
// If    node inputs: condition, C captures. Attributes then_branch, else_branch: graphs whose inputs are the C captures
//       (the same list for both) and whose outputs are the node's outputs.
// Loop  node inputs: trip count (may be absent), condition (may be absent), N carried values, C captures. Attribute body:
//       a graph with inputs iteration (int64 scalar), condition (bool scalar), N carried, C captures, and outputs
//       condition, N carried, K scanned. Node outputs: N carried, K scanned (stacked along a new axis 0).
// Scan  node inputs: N carried states, M = num_scan_inputs scanned, C captures. Attribute body: a graph with inputs
//       N states, M slices (without the scan axis), C captures, and outputs N states, K slices. Node outputs: N states,
//       K stacked. Attributes scan_input_axes, scan_input_directions, scan_output_axes, scan_output_directions as in ONNX.
//
// Unwanted node outputs keep their place (kNoValue), so K = outputs of the body - N (- 1 for Loop).
namespace tercel::ops {

inline constexpr std::string_view kCaptures = "captures";
inline constexpr std::string_view kThenBranch = "then_branch", kElseBranch = "else_branch", kBody = "body";

inline bool is_control(std::string_view op) { return op == "If" || op == "Loop" || op == "Scan"; }

// N of a Loop or Scan node with `input_count` inputs; negative when the node is malformed.
int64_t carried_count(std::string_view op, const Attributes& attributes, size_t input_count);

}  // namespace tercel::ops
