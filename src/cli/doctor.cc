#include "base/json.h"
#include "cli/commands.h"
#include "doctor/checks.h"

namespace tercel::cli {

namespace {

void print_json(const std::vector<doctor::Check>& checks, int64_t warnings) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("checks").begin_array();
  for (const auto& check : checks)
    json.begin_object()
        .field("name", check.name)
        .field("verdict", doctor::verdict_name(check.verdict))
        .field("value", check.value)
        .field("why", check.why)
        .field("change", check.change)
        .end_object();
  json.end_array().field("warnings", warnings).end_object();
  std::printf("%s\n", out.c_str());
}

void print_text(const std::vector<doctor::Check>& checks, int64_t warnings, const Terminal& terminal) {
  Table table({"", "check", "found"});
  for (const auto& check : checks) {
    const std::string verdict(doctor::verdict_name(check.verdict));
    table.add({check.verdict == doctor::Verdict::kWarning ? terminal.red(verdict) : verdict, check.name, check.value});
  }
  table.print(terminal);
  for (const auto& check : checks) {
    if (check.change.empty()) continue;
    std::printf("\n%s: %s.\n  %s\n", terminal.bold(check.name).c_str(), check.why.c_str(), check.change.c_str());
  }
  std::printf("\n%lld of %zu checks warn\n", static_cast<long long>(warnings), checks.size());
}

Result<void> examine(double seconds, const Terminal& terminal) {
  ProgressBar progress(terminal);
  progress.show("watching for interruptions", 0, 0);
  const std::string before = doctor::read_stat();
  const auto interruptions = doctor::watch_interruptions(seconds);
  const auto steal = doctor::steal_between(before, doctor::read_stat());
  progress.clear();
  const auto checks = doctor::check_host(doctor::read_host(), interruptions, steal);
  int64_t warnings = 0;
  for (const auto& check : checks) warnings += check.verdict == doctor::Verdict::kWarning;
  if (terminal.json) print_json(checks, warnings);
  else if (!terminal.quiet) print_text(checks, warnings, terminal);
  return {};
}

}  // namespace

void add_doctor(CLI::App& app, const Shared& shared, Action& action) {
  auto* command = app.add_subcommand("doctor", "what about this machine makes answers late, and what to change");
  auto seconds = std::make_shared<double>(1);
  command->add_option("--seconds", *seconds, "how long to watch for interruptions")
      ->check(CLI::Range(0.01, 600.0))
      ->capture_default_str();
  command->callback([=, &shared, &action] { action = [=, &shared] { return examine(*seconds, shared.terminal()); }; });
}

}  // namespace tercel::cli
