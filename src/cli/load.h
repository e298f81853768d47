#pragma once

#include <memory>
#include <string>

#include "graph/graph.h"
#include "plan/program.h"
#include "planner/compile.h"

namespace tercel::cli {

// True for a file that begins with a plan's magic; a missing or unreadable file is an error.
Result<bool> is_plan(const std::string& path);

// Reads an ONNX file; every unsupported operator is listed in the error.
Result<graph::Model> load_model(const std::string& path);

// A plan from a .plan file, or compiled in memory from an ONNX file with `options` (model_digest is filled in).
Result<std::shared_ptr<const plan::Program>> load_program(const std::string& path, planner::CompileOptions options);

// digest_of() a file.
Result<std::string> file_digest(const std::string& path);

}  // namespace tercel::cli
