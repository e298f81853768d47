#include <cstdio>

#include "cli/commands.h"
#include "custom/library.h"
#include "custom/spin.h"

namespace tercel::cli {

namespace {

constexpr int kFailure = 1, kUsage = 2;

Result<void> run(const Shared& shared, const Action& action) {
  if (shared.test_operators) TRY(custom::add_test_operators());
  for (const std::string& library : shared.operators) TRY(custom::load_operators(library));
  return action();
}

}  // namespace

int run_program(int argc, char** argv) {
  CLI::App app{"Tercel: deadline-first deployment of ONNX models. A model becomes a plan, the plan answers requests.", "tercel"};
  app.require_subcommand(1);
  app.fallthrough();
  app.footer("Start with:  tercel inspect model.onnx     then:  tercel compile model.onnx -o model.plan");
  Shared shared;
  Action action;
  app.add_flag("--json", shared.json, "print one JSON object on stdout instead of text");
  app.add_flag("--quiet,-q", shared.quiet, "print only errors");
  app.add_option("--operators", shared.operators, "library of custom operators that models use; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->envname("TERCEL_OPERATORS");
  app.add_flag("--test-operators", shared.test_operators,
               "tercel.test.Spin, which costs a given CPU time: for measuring schedulers");
  for (auto* add : {add_inspect, add_compile, add_run, add_bench, add_explain, add_compare, add_serve, add_check, add_load,
                    add_reserve, add_top, add_doctor, add_version, add_completion})
    add(app, shared, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {  // the library reports usage this way; it ends here
    return app.exit(e) == 0 ? 0 : kUsage;
  }
  const auto result = run(shared, action);
  if (result.ok()) return 0;
  std::fflush(stdout);
  std::fprintf(stderr, "tercel: %s\n", result.error().message().c_str());
  return kFailure;
}

}  // namespace tercel::cli

int main(int argc, char** argv) { return tercel::cli::run_program(argc, argv); }
