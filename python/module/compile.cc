#include "module/compile.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "base/digest.h"
#include "module/errors.h"
#include "module/plan.h"
#include "onnx/import.h"
#include "plan/plan.h"
#include "planner/compile.h"
#include "platform/mapped_file.h"

namespace tercel::python {

namespace nb = nanobind;

namespace {

constexpr int kThreadsMax = 1024;
constexpr double kBudgetSecondsMax = 86400;

using Texts = std::vector<std::string>;

// What tercel.compile() was given, as tercel/compile.py hands it on.
struct Options {
  std::string output;  // empty: the plan stays in memory
  Texts profile, buckets, disabled_passes;
  std::vector<int> threads;
  bool tune;
  double budget_seconds;
};

Result<planner::CompileOptions> compile_options(const Options& options) {
  planner::CompileOptions compile;
  for (const std::string& item : options.profile)
    for (auto& parsed : TRY(planner::parse_profile(item))) compile.profile.push_back(std::move(parsed));
  for (const std::string& item : options.buckets) compile.buckets.push_back(TRY(planner::parse_profile(item)));
  for (int threads : options.threads)
    if (threads < 1 || threads > kThreadsMax)
      return invalid("threads: " + std::to_string(threads) + " is not within 1.." + std::to_string(kThreadsMax));
  if (!(options.budget_seconds >= 0 && options.budget_seconds <= kBudgetSecondsMax))
    return invalid("budget_seconds: " + std::to_string(options.budget_seconds) + " is not within 0..86400");
  compile.threads = options.threads;
  compile.passes.disabled = options.disabled_passes;
  compile.tune = options.tune;
  compile.tune_budget_seconds = options.budget_seconds;
  return compile;
}

Result<std::shared_ptr<const plan::Program>> compile(Result<graph::Model> model, std::span<const std::byte> image,
                                                     const Options& options) {
  planner::CompileOptions compile_with = TRY(compile_options(options));
  compile_with.model_digest = digest_of(image);
  const planner::Compiled compiled = TRY(planner::compile(TRY(std::move(model)), compile_with));
  if (options.output.empty()) return plan::write_in_memory(compiled.program);
  TRY(plan::write(compiled.program, options.output));
  return plan::open(options.output);
}

Result<std::shared_ptr<const plan::Program>> from_file(const std::string& path, const Options& options) {
  const auto file = TRY(platform::MappedFile::open(path, plan::kPlanBytesMax));
  return compile(onnx::import_file(path), file->bytes(), options);
}

// The compiled program holds nothing of the image any more: a plan has its own copy of the weights.
Result<std::shared_ptr<const plan::Program>> from_bytes(std::span<const std::byte> image, const Options& options) {
  const std::shared_ptr<const void> owner(image.data(), [](const void*) {});
  return compile(onnx::import_bytes(image, owner), image, options);
}

template <typename Work>
Plan without_gil(const std::string& output, Work work) {
  Result<std::shared_ptr<const plan::Program>> program = [&] {
    const nb::gil_scoped_release release;
    return work();
  }();
  return {take(std::move(program)), output};
}

Plan compile_file(const std::string& path, const std::string& output, Texts profile, Texts buckets, std::vector<int> threads,
                  bool tune, double budget_seconds, Texts disabled_passes) {
  const Options options{output, std::move(profile), std::move(buckets), std::move(disabled_passes), std::move(threads),
                        tune,   budget_seconds};
  return without_gil(output, [&] { return from_file(path, options); });
}

Plan compile_bytes(nb::bytes model, const std::string& output, Texts profile, Texts buckets, std::vector<int> threads, bool tune,
                   double budget_seconds, Texts disabled_passes) {
  const Options options{output, std::move(profile), std::move(buckets), std::move(disabled_passes), std::move(threads),
                        tune,   budget_seconds};
  const std::span image(reinterpret_cast<const std::byte*>(model.c_str()), model.size());
  return without_gil(output, [&] { return from_bytes(image, options); });
}

bool is_plan_file(const std::string& path) {
  return plan::is_plan(take(platform::MappedFile::open(path, plan::kPlanBytesMax))->bytes());
}

}  // namespace

void add_compile(nb::module_& module) {
  const auto define = [&](auto function) {
    module.def("compile", function, nb::arg("model"), nb::arg("output"), nb::arg("profile"), nb::arg("buckets"),
               nb::arg("threads"), nb::arg("tune"), nb::arg("budget_seconds"), nb::arg("disabled_passes"));
  };
  define(&compile_file);
  define(&compile_bytes);
  module.def("is_plan_file", &is_plan_file, nb::arg("path"));
}

}  // namespace tercel::python
