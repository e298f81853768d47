#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/session.h"
#include "plan/program.h"

namespace tercel::cli {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

// Reads `NAME=FILE.npy`, `FILE.npz` (names inside) and, for a model with one input, plain `FILE.npy`.
Result<NamedTensors> read_inputs(const std::vector<std::string>& arguments, const plan::Program& program);

// In the order of the program's inputs, or which one is missing, unknown or of another dtype or rank.
Result<std::vector<Tensor>> match_inputs(const NamedTensors& tensors, const plan::Program& program);

// Random contents for inputs of these shapes: normal floats, integers that are valid where the model uses them as
// indices of a table (they spread over its rows), else 0 or 1. The same seed gives the same tensors.
Result<std::vector<Tensor>> random_inputs(const plan::Program& program, const std::vector<Shape>& shapes, unsigned seed);

// One shape per input: the range's low end (1 where that is 0 or open), with `batch` (when > 0) in place of the leading
// extent of every input that leaves it open, and `overrides` ("name=1x3x224x224") on top.
Result<std::vector<Shape>> choose_shapes(const plan::Program& program, int64_t batch, const std::vector<std::string>& overrides);

std::vector<Shape> shapes_of(const std::vector<Tensor>& tensors);
std::vector<engine::InputView> views_of(const std::vector<Tensor>& tensors);

}  // namespace tercel::cli
