#include "registry/open_programs.h"

#include <filesystem>
#include <optional>

#include "base/digest.h"
#include "plan/plan.h"
#include "platform/mapped_file.h"
#include "registry/text_file.h"
#include "registry/variant_checks.h"

namespace tercel::registry {
namespace {

using Program = std::shared_ptr<const plan::Program>;

struct Listed {
  LadderVariant entry;
  std::string file;  // without .plan or .onnx
};

Result<void> check_digest(const std::string& path, const std::string& wanted) {
  if (wanted.empty()) return {};
  const auto file = TRY(platform::MappedFile::open(path, plan::kPlanBytesMax));
  const std::string digest = digest_of(file->bytes());
  if (digest == wanted) return {};
  return invalid(path + " has the digest " + digest + ", not " + wanted + " as ladder.toml says: it is another file");
}

Result<Program> open_program(const Listed& listed, const ModelSettings& settings, const CompileOnnx& compile) {
  const std::string plan_path = listed.file + ".plan", onnx_path = listed.file + ".onnx";
  std::error_code failure;
  if (std::filesystem::exists(plan_path, failure)) {
    TRY(check_digest(plan_path, listed.entry.digest));
    return plan::open(plan_path);
  }
  if (!std::filesystem::exists(onnx_path, failure)) {
    const std::filesystem::path file = listed.file;
    const std::string name = file.filename().string();
    return not_found(file.parent_path().string() + " holds neither " + name + ".plan nor " + name + ".onnx");
  }
  if (!compile) {
    return unsupported(onnx_path +
                       " is not compiled, and this server runs plans only: make a .plan of it with 'tercel compile', or "
                       "use 'tercel serve'");
  }
  TRY(check_digest(onnx_path, listed.entry.digest));
  return compile(onnx_path, settings.profile);
}

// The variants that a version lists, the most accurate first; without a ladder one that has no name.
Result<std::vector<Listed>> listed(const std::string& directory, const ModelSettings& settings) {
  const std::string path = directory + "/ladder.toml";
  std::error_code failure;
  std::vector<Listed> found;
  if (!std::filesystem::exists(path, failure)) {
    found.push_back({.entry = {}, .file = directory + "/model"});
    return found;
  }
  for (const std::string name : {"model.plan", "model.onnx"})
    if (std::filesystem::exists(directory + "/" + name, failure))
      return invalid(directory + " holds both ladder.toml and " + name + ": keep what is to be served");
  for (auto& entry : TRY(parse_ladder(TRY(read_text(path, kLadderBytesMax)), path))) {
    const std::string file = directory + "/variants/" + entry.name;
    found.push_back({.entry = std::move(entry), .file = file});
  }
  const LadderVariant& best = found[0].entry;
  if (settings.variants.min_accuracy > best.accuracy) {
    return invalid("variants.min_accuracy of model.toml is more than the accuracy of '" + best.name +
                   "', the most accurate variant: every request that does not ask for less would be refused");
  }
  return found;
}

}  // namespace

Result<std::vector<VariantProgram>> open_programs(const std::string& directory, const ModelSettings& settings,
                                                  const CompileOnnx& compile) {
  std::vector<VariantProgram> opened;
  std::optional<Error> wrong;
  const auto complain = [&](const std::string& variant, const Error& error) {
    const Error one = variant.empty() ? error : error.within("variant '" + variant + "'");
    wrong = wrong ? Error(wrong->code(), wrong->message() + "; " + one.message()) : one;
  };
  for (auto& [entry, file] : TRY(listed(directory, settings))) {
    auto program = open_program({entry, file}, settings, compile);
    if (!program.ok()) {
      complain(entry.name, program.error());
      continue;
    }
    const std::string difference = opened.empty() ? "" : first_difference(**program, *opened[0].program);
    if (!difference.empty()) complain(entry.name, invalid(difference + " as in '" + opened[0].entry.name + "'"));
    opened.push_back({std::move(entry), program.take()});
  }
  if (wrong) return *wrong;
  return opened;
}

}  // namespace tercel::registry
