#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "graph/graph.h"

namespace tercel::onnx {

// Reads an ONNX model (opsets 7 to 27): older operators are rewritten to the newest form, model-local functions are
// expanded, subgraphs become closed graphs, shapes are inferred, the result verifies. Weights are views of the mapped
// file: nothing is copied, and the file must not be written in place while the model lives. External data is opened
// beneath the model's folder only. Errors name the file and the node.
Result<graph::Model> import_file(const std::string& path);

// The same for an image in memory that `owner` keeps alive. `folder` is where external data may lie; empty: nowhere.
Result<graph::Model> import_bytes(std::span<const std::byte> image, std::shared_ptr<const void> owner,
                                  const std::string& folder = "");

}  // namespace tercel::onnx
