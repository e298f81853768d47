#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plan/program.h"
#include "registry/ladder.h"
#include "registry/plan_opener.h"

// Private to the folder.
namespace tercel::registry {

// A variant with what it computes. The only one of a version without ladder has no name.
struct VariantProgram {
  LadderVariant entry;
  std::shared_ptr<const plan::Program> program;
};

// Opens the plan, or compiles the model, of each variant of a version: model.plan or model.onnx, or what ladder.toml lists. The
// most accurate comes first, and all take and give the same. What is wrong is said of every variant.
Result<std::vector<VariantProgram>> open_programs(const std::string& directory, const ModelSettings& settings,
                                                  const CompileOnnx& compile);

}  // namespace tercel::registry
