#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "passes/match.h"

namespace tercel::passes {

// Layouts of rank 3 and 4 values: first is [N, C, spatial...] as ONNX has it, last is [N, spatial..., C].
bool has_layouts(const Editor& e, ValueId id);  // typed, of rank 3 or 4
std::vector<int64_t> perm_to_last(int rank);    // perm of the Transpose from first to last
std::vector<int64_t> perm_to_first(int rank);
int64_t axis_in_last(int64_t axis, int rank);  // where an axis of the first layout is in the last
Shape shape_in_last(const Shape& first);

// How a node computes on channels-last values: `node` is the changed node, whose inputs `data` are to be replaced by their
// last forms and whose inputs in `constants` by new constants.
struct LayoutRewrite {
  Node node;
  std::vector<size_t> data;
  std::vector<std::pair<size_t, Tensor>> constants;
  bool demands = false;    // a convolution: worth transposing for
  bool gives_last = true;  // outputs are in the last layout too; otherwise they are the same as before
};

// The rewrite of a node, or nullopt when it only exists for the first layout. Depends on types and constants only.
std::optional<LayoutRewrite> layout_rewrite(const Editor& e, const Node& node);

}  // namespace tercel::passes
