#include "cli/load.h"

#include <array>
#include <cstring>

#include "base/crc32c.h"
#include "onnx/import.h"
#include "onnx/limits.h"
#include "plan/layout.h"
#include "plan/plan.h"
#include "platform/mapped_file.h"

namespace tercel::cli {

Result<bool> is_plan(const std::string& path) {
  const auto file = TRY(platform::MappedFile::open(path, plan::kPlanBytesMax));
  return file->bytes().size() >= sizeof plan::kMagic && std::memcmp(file->bytes().data(), plan::kMagic, sizeof plan::kMagic) == 0;
}

Result<graph::Model> load_model(const std::string& path) { return onnx::import_file(path); }

Result<std::string> file_digest(const std::string& path) {
  const auto file = TRY(platform::MappedFile::open(path, plan::kPlanBytesMax));
  char text[64];
  std::snprintf(text, sizeof text, "crc32c:%08x:%zu", crc32c(0, file->bytes()), file->bytes().size());
  return std::string(text);
}

Result<std::shared_ptr<const plan::Program>> load_program(const std::string& path, planner::CompileOptions options) {
  if (TRY(is_plan(path))) return plan::open(path);
  options.model_digest = TRY(file_digest(path));
  const planner::Compiled compiled = TRY(planner::compile(TRY(load_model(path)), options));
  return plan::write_in_memory(compiled.program);
}

}  // namespace tercel::cli
