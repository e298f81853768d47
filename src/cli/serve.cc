#include "cli/commands.h"
#include "cli/load.h"
#include "cli/serve_options.h"

namespace tercel::cli {

namespace {

// A model.onnx in a repository is compiled when it is loaded: tuned briefly, because a server that starts late is down.
constexpr double kTuneSeconds = 5;

Result<std::shared_ptr<const plan::Program>> compile_for_serving(const std::string& path,
                                                                 const std::vector<std::string>& profile) {
  planner::CompileOptions options;
  options.tune_budget_seconds = kTuneSeconds;
  for (const std::string& text : profile)
    for (auto& item : TRY(planner::parse_profile(text))) options.profile.push_back(std::move(item));
  return load_program(path, options);
}

}  // namespace

void add_serve(CLI::App& app, const Shared& shared, Action& action) {
  auto* command = app.add_subcommand("serve", "answer requests over HTTP (Open Inference Protocol v2)");
  auto options = std::make_shared<ServeOptions>();
  add_serve_options(*command, *options);
  command->callback([=, &shared, &action] {
    action = [=, &shared]() -> Result<void> {
      const Terminal terminal = shared.terminal();
      TRY(settle(*options));
      auto& server = options->server;
      server.opener = registry::plan_opener(compile_for_serving, options->opener);
      if (!terminal.quiet)
        server.on_listening = [=](const std::string& address, uint16_t port) { print_listening(address, port, terminal.json); };
      return transport::http::run_server(server);
    };
  });
}

}  // namespace tercel::cli
