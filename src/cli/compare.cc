#include <cmath>
#include <map>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/tensors.h"
#include "passes/pipeline.h"
#include "planner/tactics.h"

namespace tercel::cli {

namespace {

struct Options {
  std::string a, b;
  std::vector<std::string> inputs, shapes;
  int64_t batch = 0;
  double tolerance = 1e-3;
};

// What one side computed: every value that a step wrote, in the order of the steps, and the outputs.
struct Trace {
  const plan::Program* program = nullptr;
  std::vector<std::string> order;  // value names
  std::map<std::string, Tensor> values;
  std::map<std::string, std::string> step;  // value name to step name
  std::vector<std::pair<std::string, Tensor>> outputs;
  Error failure{ErrorCode::kInternal, ""};
  bool failed = false;
};

Result<Tensor> copy_of(const engine::OutputView& view) {
  Tensor copy = TRY(Tensor::zeros(view.type.dtype, view.type.shape));
  std::copy_n(static_cast<const std::byte*>(view.data), view.type.bytes(), copy.mutable_as<std::byte>());
  return copy;
}

void record(void* user, const plan::ProgramNode& node, std::span<const engine::OutputView> outputs, double) {
  auto& trace = *static_cast<Trace*>(user);
  for (size_t i = 0; i < outputs.size() && i < node.outputs.size(); ++i) {
    if (node.outputs[i] == plan::kNoValue || !outputs[i].data || node.outputs[i] >= trace.program->main().values.size()) continue;
    auto copy = copy_of(outputs[i]);
    if (!copy.ok()) {
      trace.failure = copy.error();
      trace.failed = true;
      return;
    }
    const std::string& name = trace.program->main().values[node.outputs[i]].name;
    if (trace.values.emplace(name, std::move(*copy)).second) trace.order.push_back(name);
    trace.step.emplace(name, node.name);
  }
}

Result<Trace> trace_of(std::shared_ptr<const plan::Program> program, const std::vector<Tensor>& inputs) {
  Trace trace;
  trace.program = program.get();
  engine::SessionOptions options;
  options.threads = 1;
  const auto session = TRY(engine::Session::open(program, options));
  const engine::Binding* binding = TRY(session->bind(shapes_of(inputs)));
  std::vector<engine::OutputView> outputs(program->main().outputs.size());
  session->observe(record, &trace);
  TRY(session->run(*binding, views_of(inputs), {}, outputs));
  if (trace.failed) return trace.failure;
  for (size_t i = 0; i < outputs.size(); ++i)
    trace.outputs.emplace_back(program->main().values[program->main().outputs[i]].name, TRY(copy_of(outputs[i])));
  return trace;
}

struct Verdict {
  bool agree = true;
  double worst = 0;
  std::string first_name, first_step;
  double first_error = 0;
  size_t compared = 0;
};

Result<Verdict> compare_traces(const Trace& a, const Trace& b, double tolerance) {
  Verdict verdict;
  if (a.outputs.size() != b.outputs.size())
    return invalid("the two have " + std::to_string(a.outputs.size()) + " and " + std::to_string(b.outputs.size()) + " outputs");
  for (size_t i = 0; i < a.outputs.size(); ++i) {
    if (!(a.outputs[i].second.type() == b.outputs[i].second.type()))
      return invalid("output '" + a.outputs[i].first + "' is " + to_string(a.outputs[i].second.shape()) + " in one and " +
                     to_string(b.outputs[i].second.shape()) + " in the other");
    verdict.worst = std::max(verdict.worst, planner::relative_difference(b.outputs[i].second, a.outputs[i].second));
  }
  verdict.agree = verdict.worst <= tolerance;
  const auto consider = [&](const std::string& name, const Tensor& x, const Tensor& y, const std::string& step) {
    if (!(x.type() == y.type())) return;  // another layout of the same value; its transposed form is compared where it appears
    ++verdict.compared;
    const double error = planner::relative_difference(y, x);
    if (error <= tolerance || !verdict.first_name.empty()) return;
    verdict.first_name = name;
    verdict.first_step = step;
    verdict.first_error = error;
  };
  for (const std::string& name : a.order)
    if (const auto other = b.values.find(name); other != b.values.end())
      consider(name, a.values.at(name), other->second, b.step.at(name));
  for (size_t i = 0; i < a.outputs.size(); ++i) consider(a.outputs[i].first, a.outputs[i].second, b.outputs[i].second, "");
  return verdict;
}

void print(const Verdict& v, const Options& options, const Terminal& terminal) {
  if (terminal.json) {
    std::string out;
    JsonWriter json(out);
    json.begin_object()
        .field("agree", v.agree)
        .field("worst", v.worst)
        .field("tolerance", options.tolerance)
        .field("compared", v.compared);
    json.key("first_difference");
    if (v.first_name.empty()) json.null();
    else
      json.begin_object()
          .field("name", v.first_name)
          .field("step", v.first_step)
          .field("relative_error", v.first_error)
          .end_object();
    json.end_object();
    std::printf("%s\n", out.c_str());
    return;
  }
  if (terminal.quiet) return;
  std::printf("%s: outputs differ by at most %.2g of their largest magnitude (tolerance %.2g); %zu values compared\n",
              v.agree ? terminal.bold("agree").c_str() : terminal.red("disagree").c_str(), v.worst, options.tolerance,
              v.compared);
  if (!v.first_name.empty())
    std::printf("first difference: value '%s'%s, relative error %.2g\n", v.first_name.c_str(),
                v.first_step.empty() ? "" : (" made by step '" + v.first_step + "'").c_str(), v.first_error);
}

// An ONNX side runs as it is written, without rewrites and tuning: that is what a plan is compared with.
Result<std::shared_ptr<const plan::Program>> load_plainly(const std::string& path) {
  planner::CompileOptions options;
  options.tune = false;
  for (const passes::Pass& pass : passes::all_passes()) options.passes.disabled.emplace_back(pass.name);
  return load_program(path, options);
}

Result<void> compare(const Options& options, const Terminal& terminal) {
  const auto a = TRY(load_plainly(options.a));
  const auto b = TRY(load_plainly(options.b));
  std::vector<Tensor> inputs;
  if (!options.inputs.empty()) inputs = TRY(match_inputs(TRY(read_inputs(options.inputs, *b)), *b));
  else inputs = TRY(random_inputs(*b, TRY(choose_shapes(*b, options.batch, options.shapes)), 1));
  const Trace left = TRY(trace_of(a, inputs));
  const Trace right = TRY(trace_of(b, inputs));
  const Verdict verdict = TRY(compare_traces(left, right, options.tolerance));
  print(verdict, options, terminal);
  if (!verdict.agree) return invalid(options.a + " and " + options.b + " disagree");
  return {};
}

}  // namespace

void add_compare(CLI::App& app, const Shared& shared, Action& action) {
  auto* command =
      app.add_subcommand("compare", "run two forms of a model on the same inputs and find the first step that differs");
  auto options = std::make_shared<Options>();
  command->add_option("a", options->a, "a .plan or an .onnx (the one to trust)")->required();
  command->add_option("b", options->b, "a .plan or an .onnx")->required();
  command->add_option("--input", options->inputs, "NAME=FILE.npy or FILE.npz (default: random)");
  command->add_option("--batch", options->batch, "leading extent of random inputs")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 31));
  command->add_option("--shape", options->shapes, "NAME=1x3x224x224 of random inputs; may be repeated");
  command->add_option("--tolerance", options->tolerance, "largest difference relative to a value's largest magnitude")
      ->capture_default_str();
  command->callback([=, &shared, &action] { action = [=, &shared] { return compare(*options, shared.terminal()); }; });
}

}  // namespace tercel::cli
