#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/terminal.h"

namespace tercel::cli {

// What every command gets: the options before or after its name that all commands share.
struct Shared {
  bool json = false, quiet = false;
  std::vector<std::string> operators;  // libraries that main() loads before the command runs
  bool test_operators = false;         // custom/spin.h
  Terminal terminal() const { return Terminal::detect(json, quiet); }
};

// A command's work, set by the parser when the command was named; main() runs it and turns errors into exit code 1.
using Action = std::function<Result<void>()>;

// One function a command, in its own file: declares the options, and sets `action` when the command is used.
void add_inspect(CLI::App& app, const Shared& shared, Action& action);
void add_compile(CLI::App& app, const Shared& shared, Action& action);
void add_run(CLI::App& app, const Shared& shared, Action& action);
void add_bench(CLI::App& app, const Shared& shared, Action& action);
void add_explain(CLI::App& app, const Shared& shared, Action& action);
void add_compare(CLI::App& app, const Shared& shared, Action& action);
void add_serve(CLI::App& app, const Shared& shared, Action& action);
void add_check(CLI::App& app, const Shared& shared, Action& action);
void add_load(CLI::App& app, const Shared& shared, Action& action);
void add_top(CLI::App& app, const Shared& shared, Action& action);
void add_reserve(CLI::App& app, const Shared& shared, Action& action);
void add_doctor(CLI::App& app, const Shared& shared, Action& action);
void add_version(CLI::App& app, const Shared& shared, Action& action);
void add_completion(CLI::App& app, const Shared& shared, Action& action);

}  // namespace tercel::cli
