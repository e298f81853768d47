#include <algorithm>
#include <filesystem>
#include <map>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/latency.h"
#include "cli/load.h"
#include "ops/custom.h"
#include "passes/pipeline.h"
#include "plan/plan.h"
#include "platform/clock.h"

namespace tercel::cli {

namespace {

struct Options {
  std::string model, output, dump_after, isa;
  std::vector<std::string> profiles, buckets, disabled;
  std::vector<int> threads;
  double tune_budget = 30;
  bool no_tune = false;
};

double predicted_us(const plan::Bucket& bucket) {
  double best = 0;
  for (const auto& latency : bucket.latency)
    if (best == 0 || latency.p50_us < best) best = latency.p50_us;
  return best;
}

void print_json(const Options& options, const planner::Compiled& compiled, uint64_t bytes, double seconds) {
  const plan::Program& program = compiled.program;
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .field("plan", options.output)
      .field("bytes", bytes)
      .field("seconds", seconds)
      .field("notice", compiled.notice);
  json.field("steps", program.main().nodes.size())
      .field("isa", platform::isa_name(platform::host_isa()))
      .key("profiles")
      .begin_array();
  if (!program.tuned.empty())
    for (const plan::Bucket& bucket : program.tuned[0].buckets) {
      json.begin_object().key("shapes");
      write_shapes(json, program, bucket);
      json.field("arena_bytes", bucket.arena_bytes).field("predicted_us", predicted_us(bucket)).key("latency").begin_array();
      for (const auto& promised : bucket.latency) write_json(json, promised);
      json.end_array().end_object();
    }
  json.end_array().end_object();
  std::printf("%s\n", out.c_str());
}

void print_tactics(const plan::Program& program, const Terminal& terminal) {
  if (program.tuned.empty()) return;
  const plan::TunedSection& tuned = program.tuned[0];
  // Steps by tactic: which one won, how often, and what share of the time it takes.
  struct Share {
    int steps = 0;
    double us = 0;
  };
  std::map<std::pair<std::string, std::string>, Share> shares;
  double total = 0;
  for (size_t n = 0; n < program.main().nodes.size(); ++n) {
    const uint32_t tactic = tuned.buckets[0].tactics[n];
    auto& share = shares[{ops::title(*program.main().nodes[n].op, program.main().nodes[n].attributes),
                          tactic == plan::kUntuned ? "(bound at run time)" : tuned.tactic_names[tactic]}];
    ++share.steps;
    share.us += std::max(0.f, tuned.buckets[0].step_us[n]);
    total += std::max(0.f, tuned.buckets[0].step_us[n]);
  }
  std::vector<std::pair<std::pair<std::string, std::string>, Share>> sorted(shares.begin(), shares.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second.us > b.second.us; });
  Table table({"operator", "tactic that won", "steps", "time", "share"});
  for (const auto& [key, share] : sorted)
    table.add({key.first, key.second, std::to_string(share.steps), time_text(share.us),
               fixed(100 * share.us / std::max(total, 1e-9), 1) + " %"});
  table.print(terminal);
}

void print_text(const Options& options, const planner::Compiled& compiled, uint64_t bytes, double seconds,
                const Terminal& terminal) {
  print_tactics(compiled.program, terminal);
  if (!compiled.program.tuned.empty()) {
    std::printf("\n");
    promises(compiled.program.tuned[0].buckets).print(terminal);
  }
  if (!compiled.notice.empty()) std::printf("\n%s\n", compiled.notice.c_str());
  std::printf("\nwrote %s, %s, %zu steps, in %s s\nnext: tercel bench %s   or   tercel explain %s\n", options.output.c_str(),
              bytes_text(static_cast<double>(bytes)).c_str(), compiled.program.main().nodes.size(), fixed(seconds, 1).c_str(),
              options.output.c_str(), options.output.c_str());
}

std::string pass_names() {
  std::string names;
  for (const passes::Pass& pass : passes::all_passes()) names += (names.empty() ? "" : ", ") + std::string(pass.name);
  return names;
}

Result<planner::CompileOptions> compile_options(const Options& options) {
  planner::CompileOptions compile;
  for (const std::string& text : options.profiles)
    for (auto& item : TRY(planner::parse_profile(text))) compile.profile.push_back(std::move(item));
  for (const std::string& text : options.buckets) compile.buckets.push_back(TRY(planner::parse_profile(text)));
  compile.passes.disabled = options.disabled;
  compile.tune = !options.no_tune;
  compile.tune_budget_seconds = options.tune_budget;
  compile.threads = options.threads;
  compile.model_digest = TRY(file_digest(options.model));
  return compile;
}

Result<void> compile(const Options& options, const Terminal& terminal) {
  const int64_t start = platform::now_ns();
  planner::CompileOptions compile_with = TRY(compile_options(options));
  ProgressBar progress(terminal);
  compile_with.progress = [&](std::string_view what, int done, int total) { progress.show(what, done, total); };
  if (!options.dump_after.empty()) {
    compile_with.passes.dump_after = options.dump_after;
    compile_with.passes.dump = [&](const graph::Model& model) {
      progress.clear();
      std::fprintf(terminal.json ? stderr : stdout, "after %s:\n%s\n", options.dump_after.c_str(), graph::to_text(model).c_str());
    };
  }
  const planner::Compiled compiled = TRY(planner::compile(TRY(load_model(options.model)), compile_with));
  progress.show("writing", 0, 0);
  const uint64_t bytes = TRY(plan::write(compiled.program, options.output));
  progress.clear();
  const double seconds = static_cast<double>(platform::now_ns() - start) * 1e-9;
  if (terminal.json) print_json(options, compiled, bytes, seconds);
  else if (!terminal.quiet) print_text(options, compiled, bytes, seconds, terminal);
  return {};
}

}  // namespace

void add_compile(CLI::App& app, const Shared& shared, Action& action) {
  auto* command = app.add_subcommand("compile", "turn a model into a plan that is tuned for this machine");
  auto options = std::make_shared<Options>();
  command->add_option("model", options->model, "the .onnx file")->required();
  command->add_option("-o,--output", options->output, "the plan to write (default: the model's name with .plan)");
  command->add_option("--profile", options->profiles,
                      "shapes the plan accepts: NAME=1..8x3x224x224; repeat, or separate with commas");
  command->add_option("--bucket", options->buckets,
                      "a point to tune at: NAME=4x3x224x224; repeat (default: the ends and powers of two)");
  command->add_option("--threads", options->threads, "thread counts whose latency is measured (default: 1 and all)")
      ->check(CLI::Range(1, 1024));
  command->add_option("--tune-budget", options->tune_budget, "seconds for timing tactics")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  command->add_flag("--no-tune", options->no_tune, "time nothing: every step takes the first tactic that accepts it");
  command->add_option("--disable-pass", options->disabled, "leave a pass out; repeat. Passes: " + pass_names());
  command->add_option("--dump-after", options->dump_after, "print the graph after this pass");
  command->callback([=, &shared, &action] {
    if (options->output.empty()) options->output = std::filesystem::path(options->model).replace_extension(".plan").string();
    action = [=, &shared] { return compile(*options, shared.terminal()); };
  });
}

}  // namespace tercel::cli
