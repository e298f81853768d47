#include "base/json.h"
#include "cli/commands.h"
#include "cli/load.h"
#include "registry/plan_opener.h"
#include "registry/repository.h"

namespace tercel::cli {

namespace {

// One line of the report: a version, or a model that has none to look at.
struct Finding {
  std::string model, version, problem, notice;
  std::vector<std::pair<std::string, float>> variants = {};  // of a ladder that would be served: names, accuracies
};

// As `serve` opens it, but not tuned: what is asked is whether it works.
Result<std::shared_ptr<const plan::Program>> compile_untuned(const std::string& path, const std::vector<std::string>& profile) {
  planner::CompileOptions options;
  options.tune = false;
  for (const std::string& text : profile)
    for (auto& item : TRY(planner::parse_profile(text))) options.profile.push_back(std::move(item));
  return load_program(path, options);
}

Finding look_at(const registry::FoundModel& model, int64_t version) {
  registry::ModelSettings settings = model.settings;
  settings.instances.count = 1;
  Finding finding{model.name, std::to_string(version), "", ""};
  const auto opened = registry::plan_opener(compile_untuned)(model.directory + "/" + finding.version, settings);
  if (!opened.ok()) {
    finding.problem = opened.error().message();
    return finding;
  }
  finding.notice = opened->notice;
  for (const auto& variant : opened->variants)
    if (!variant.name.empty()) finding.variants.emplace_back(variant.name, variant.accuracy);
  return finding;
}

Result<std::vector<Finding>> look_at_all(const std::string& repository, ProgressBar& progress) {
  const auto models = TRY(registry::scan(repository));
  std::vector<Finding> findings;
  for (size_t i = 0; i < models.size(); ++i) {
    progress.show(models[i].name, static_cast<int>(i), static_cast<int>(models.size()));
    if (!models[i].reason.empty()) findings.push_back({models[i].name, "", models[i].reason, ""});
    else
      for (const int64_t version : models[i].versions) findings.push_back(look_at(models[i], version));
  }
  return findings;
}

void print_json(const std::vector<Finding>& findings, size_t problems) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("versions").begin_array();
  for (const Finding& f : findings) {
    json.begin_object().field("model", f.model).key("version");
    if (f.version.empty()) json.null();
    else json.raw(f.version);
    json.field("ok", f.problem.empty()).field("problem", f.problem).field("notice", f.notice);
    json.key("variants").begin_array();
    for (const auto& [name, accuracy] : f.variants)
      json.begin_object().field("name", name).field("accuracy", accuracy).end_object();
    json.end_array().end_object();
  }
  json.end_array().field("problems", problems).end_object();
  std::printf("%s\n", out.c_str());
}

void print_text(const std::vector<Finding>& findings, const Terminal& terminal) {
  Table table({"model", "version", ""});
  for (const Finding& f : findings) {
    std::string ladder;
    for (const auto& variant : f.variants) ladder += (ladder.empty() ? ": " : ", ") + variant.first;
    table.add({f.model, f.version, f.problem.empty() ? "ok" + ladder : terminal.red("broken")});
  }
  table.print(terminal);
  for (const Finding& f : findings) {
    const std::string& text = f.problem.empty() ? f.notice : f.problem;
    if (!text.empty())
      std::printf("\n%s: %s\n", terminal.bold(f.model + (f.version.empty() ? "" : " " + f.version)).c_str(), text.c_str());
  }
}

Result<void> check_repository(const std::string& repository, const Terminal& terminal) {
  ProgressBar progress(terminal);
  const auto findings = TRY(look_at_all(repository, progress));
  progress.clear();
  size_t problems = 0;
  for (const Finding& f : findings) problems += !f.problem.empty();
  if (terminal.json) print_json(findings, problems);
  else if (!terminal.quiet) print_text(findings, terminal);
  if (problems == 0) return {};
  return invalid(std::to_string(problems) + " of " + std::to_string(findings.size()) + " in " + repository +
                 " would not be served; see above");
}

}  // namespace

void add_check(CLI::App& app, const Shared& shared, Action& action) {
  auto* command = app.add_subcommand("check", "whether everything in a model repository would be served; serves nothing");
  auto repository = std::make_shared<std::string>();
  command
      ->add_option("repository", *repository,
                   "folder of models: MODEL/VERSION/model.plan, model.onnx or ladder.toml, MODEL/model.toml")
      ->required();
  command->callback(
      [=, &shared, &action] { action = [=, &shared] { return check_repository(*repository, shared.terminal()); }; });
}

}  // namespace tercel::cli
