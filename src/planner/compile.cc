#include "planner/compile.h"

#include "base/version.h"
#include "planner/buckets.h"
#include "planner/lower.h"
#include "platform/cpus.h"

namespace tercel::planner {

namespace {

const std::string kCompiler = "tercel " + std::string(kVersion);
constexpr double kMeasureSecondsMax = 4;

std::vector<int> thread_counts(const CompileOptions& options) {
  if (!options.threads.empty()) return options.threads;
  const int usable = platform::usable_cpus();
  return usable > 1 ? std::vector<int>{1, usable} : std::vector<int>{1};
}

}  // namespace

Result<Compiled> compile(graph::Model model, const CompileOptions& options) {
  if (options.progress) options.progress("rewriting the graph", 0, 0);
  TRY(graph::infer_shapes(model));
  const Profile profile = TRY(make_profile(model, options.profile, options.buckets));
  const passes::PipelineReport report = TRY(passes::run_passes(model, options.passes));

  Compiled compiled;
  compiled.program = lower(model, profile);
  compiled.program.compiler = kCompiler;
  compiled.program.model_digest = options.model_digest;
  for (const auto& pass : report.passes)
    compiled.program.passes.push_back({std::string(pass.name), static_cast<uint32_t>(pass.changes), pass.ms});
  if (!options.tune) return compiled;

  TacticChooser chooser({options.isa, options.tune_budget_seconds});
  plan::TunedSection section;
  section.isa = options.isa;
  section.cpu = platform::cpu_model();
  const auto fixed = TRY(tune_buckets(model, profile, chooser, section, options.progress));
  compiled.packed = TRY(pack_weights(fixed, section, options.progress));
  compiled.program.tuned.push_back(std::move(section));
  const auto refused = TRY(measure_latency(compiled.program, thread_counts(options), kMeasureSecondsMax, options.progress));
  if (!refused.empty()) compiled.notice = "the plan promises no latency, which is measured on zeros: " + refused;
  compiled.tune_seconds = chooser.seconds_spent();
  return compiled;
}

}  // namespace tercel::planner
