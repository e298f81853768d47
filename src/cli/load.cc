#include "cli/load.h"

#include "base/digest.h"
#include "onnx/import.h"
#include "plan/plan.h"
#include "platform/mapped_file.h"

namespace tercel::cli {

Result<bool> is_plan(const std::string& path) {
  const auto file = TRY(platform::MappedFile::open(path, plan::kPlanBytesMax));
  return plan::is_plan(file->bytes());
}

Result<graph::Model> load_model(const std::string& path) { return onnx::import_file(path); }

Result<std::string> file_digest(const std::string& path) {
  const auto file = TRY(platform::MappedFile::open(path, plan::kPlanBytesMax));
  return digest_of(file->bytes());
}

Result<std::shared_ptr<const plan::Program>> load_program(const std::string& path, planner::CompileOptions options) {
  if (TRY(is_plan(path))) return plan::open(path);
  options.model_digest = TRY(file_digest(path));
  const planner::Compiled compiled = TRY(planner::compile(TRY(load_model(path)), options));
  return plan::write_in_memory(compiled.program);
}

}  // namespace tercel::cli
