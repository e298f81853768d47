#pragma once

#include <string_view>
#include <vector>

#include "ops/op.h"

namespace tercel::ops {

inline constexpr int kEinsumInputsMax = 16;
inline constexpr int kEinsumLabelsMax = 26 * 2 + kRankMax;  // letters, and the axes that an ellipsis stands for

// An equation as labels: small numbers that axes share. Labels of an ellipsis count its axes from the right.
struct EinsumEquation {
  std::vector<std::vector<int>> inputs;  // one label per axis
  std::vector<int> output;
};

// Parses "ij,jk->ik" for inputs of these ranks; spaces are ignored, the output may be implied.
Result<EinsumEquation> parse_einsum(std::string_view equation, std::span<const int> ranks);

// Extents by label, unknown for labels that do not occur; an extent of 1 repeats.
Result<std::vector<Dim>> einsum_extents(const EinsumEquation& equation, std::span<const Shape> shapes);

}  // namespace tercel::ops
