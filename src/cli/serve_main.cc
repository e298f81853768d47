#include <cstdio>

#include "base/version.h"
#include "cli/serve_options.h"
#include "custom/library.h"
#include "custom/spin.h"

// tercel-serve: the run half alone. Serves plans; links neither ONNX nor the passes nor the planner.
int main(int argc, char** argv) {
  constexpr int kFailure = 1, kUsage = 2;
  CLI::App app{"Serves compiled models (plans) over the Open Inference Protocol. 'tercel serve' also takes ONNX files.",
               "tercel-serve"};
  app.set_version_flag("--version", std::string(tercel::kVersion));
  tercel::cli::ServeOptions options;
  bool json = false, quiet = false;
  app.add_flag("--json", json, "print the address as one JSON object once it listens");
  app.add_flag("--quiet,-q", quiet, "print only errors");
  std::vector<std::string> operators;
  app.add_option("--operators", operators, "library of custom operators that plans use; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->envname("TERCEL_OPERATORS");
  bool test_operators = false;
  app.add_flag("--test-operators", test_operators, "tercel.test.Spin, which costs a given CPU time: for measuring schedulers");
  tercel::cli::add_serve_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {  // the library reports usage this way; it ends here
    return app.exit(e) == 0 ? 0 : kUsage;
  }
  if (!quiet)
    options.server.on_listening = [&](const std::string& address, uint16_t port) {
      tercel::cli::print_listening(address, port, json);
    };
  tercel::Result<void> result = settle(options);
  options.server.opener = tercel::registry::plan_opener(nullptr, options.opener);
  if (result.ok() && test_operators) result = tercel::custom::add_test_operators();
  for (size_t i = 0; i < operators.size() && result.ok(); ++i) result = tercel::custom::load_operators(operators[i]);
  if (result.ok()) result = tercel::transport::http::run_server(options.server);
  if (result.ok()) return 0;
  std::fprintf(stderr, "tercel-serve: %s\n", result.error().message().c_str());
  return kFailure;
}
