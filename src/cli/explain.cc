#include <map>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/floor.h"
#include "cli/latency.h"
#include "cli/load.h"
#include "cli/tensors.h"
#include "engine/longest_step.h"
#include "engine/profile.h"

namespace tercel::cli {

namespace {

constexpr int kRuns = 20;

struct Options {
  std::string file;
  int threads = 1;
  int64_t batch = 0;
  std::vector<std::string> shapes;
  bool refusals = false;
};

struct Step {
  engine::Session::StepInfo info;
  double time_us = 0, floor_us = 0;
  std::vector<std::pair<std::string, std::string>> refused;
};

struct Explanation {
  std::vector<Step> steps;
  engine::LongestStep longest;
  std::string notice;
};

// Times of one step over the runs; the smallest counts: what the step costs when nobody disturbs it.
using TimesByNode = std::map<std::string, double>;

void keep_smallest(void* user, const plan::ProgramNode& node, std::span<const engine::OutputView>, double microseconds) {
  auto& times = *static_cast<TimesByNode*>(user);
  const auto [it, fresh] = times.try_emplace(node.name, microseconds);
  if (!fresh) it->second = std::min(it->second, microseconds);
}

// What was tuned for this host; null: nothing.
const plan::TunedSection* section_of(const plan::Program& program) { return engine::best_section(program, platform::host_isa()); }

// Refusals that the planner recorded for this node.
std::vector<std::pair<std::string, std::string>> refusals_of(const plan::Program& program, const std::string& node) {
  std::vector<std::pair<std::string, std::string>> refused;
  const plan::TunedSection* const tuned = section_of(program);
  if (!tuned) return refused;
  for (const plan::TacticNote& note : tuned->notes)
    if (program.main().nodes[note.node].name == node) refused.emplace_back(note.tactic, note.reason);
  return refused;
}

Result<Explanation> explain_steps(std::shared_ptr<const plan::Program> program, const Options& options) {
  engine::SessionOptions session_options;
  session_options.threads = options.threads;
  const auto session = TRY(engine::Session::open(program, session_options));
  const auto shapes = TRY(choose_shapes(*program, options.batch, options.shapes));
  const auto inputs = TRY(random_inputs(*program, shapes, 1));
  const engine::Binding* binding = TRY(session->bind(shapes));
  std::vector<engine::OutputView> outputs(program->main().outputs.size());
  TimesByNode times;
  session->observe(keep_smallest, &times);
  for (int run = 0; run < kRuns; ++run) TRY(session->run(*binding, views_of(inputs), {}, outputs));
  const auto longest = TRY(engine::measure_longest_step(*session, *binding, views_of(inputs), outputs, kRuns + 1));
  const platform::Roofline roofline = host_roofline();
  const double working_set = weight_bytes_read(*program);
  std::vector<Step> steps;
  for (auto& info : session->steps(*binding)) {
    const double floor = step_floor_us(info, roofline, working_set, options.threads);
    const auto time = times.find(info.node);
    steps.push_back({info, time == times.end() ? 0 : time->second, floor, refusals_of(*program, info.node)});
  }
  return Explanation{std::move(steps), longest, session->notice()};
}

double longest_step_us(const Explanation& e) { return static_cast<double>(e.longest.ns) * 1e-3; }

void print_json(const plan::Program& program, const Explanation& explanation) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("steps").begin_array();
  for (const Step& s : explanation.steps) {
    json.begin_object().field("name", s.info.node).field("operator", s.info.op).field("tactic", s.info.tactic);
    json.field("time_us", s.time_us).field("floor_us", s.floor_us).field("flops", s.info.flops).field("bytes", s.info.bytes);
    json.key("refused").begin_object();
    for (const auto& [tactic, reason] : s.refused) json.field(tactic, reason);
    json.end_object().end_object();
  }
  json.end_array().field("longest_step_us", longest_step_us(explanation)).field("longest_step", explanation.longest.node);
  json.key("passes").begin_array();
  for (const auto& pass : program.passes)
    json.begin_object().field("name", pass.name).field("changes", pass.changes).field("ms", pass.milliseconds).end_object();
  json.end_array().key("promises").begin_array();
  if (const plan::TunedSection* const tuned = section_of(program))
    for (const plan::Bucket& bucket : tuned->buckets) {
      json.begin_object().key("shapes");
      write_shapes(json, program, bucket);
      json.key("latency").begin_array();
      for (const auto& promised : bucket.latency) write_json(json, promised);
      json.end_array().end_object();
    }
  json.end_array().field("notice", explanation.notice).end_object();
  std::printf("%s\n", out.c_str());
}

void print_text(const plan::Program& program, const Explanation& explanation, const Options& options, const Terminal& terminal) {
  const std::vector<Step>& steps = explanation.steps;
  Table table({"#", "step", "operator", "tactic", "time", "floor", "x floor"});
  double total = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    const Step& s = steps[i];
    total += s.time_us;
    std::string name = s.info.node.size() > 36 ? s.info.node.substr(0, 33) + "..." : s.info.node;
    table.add({std::to_string(i), name, s.info.op, s.info.tactic, time_text(s.time_us), time_text(s.floor_us),
               s.floor_us > 0 ? fixed(s.time_us / s.floor_us, 2) : "-"});
  }
  table.print(terminal);
  std::printf("\n%zu steps, %s together on one run at a time\n", steps.size(), time_text(total).c_str());
  std::printf("longest step between two points where a run can be stopped: %s%s%s\n",
              time_text(longest_step_us(explanation)).c_str(), explanation.longest.node.empty() ? "" : ", of ",
              explanation.longest.node.c_str());
  if (options.refusals)
    for (const Step& s : steps)
      for (const auto& [tactic, reason] : s.refused)
        std::printf("%s: not %s: %s\n", s.info.node.c_str(), tactic.c_str(), reason.c_str());
  else std::printf("%s\n", terminal.dim("add --refusals to see why each step does not run the other tactics").c_str());
  std::printf("\n");
  Table passes({"pass", "changes", "ms"});
  for (const auto& pass : program.passes) passes.add({pass.name, std::to_string(pass.changes), fixed(pass.milliseconds, 2)});
  passes.print(terminal);
  if (const plan::TunedSection* const tuned = section_of(program)) {
    std::printf("\n%s\n", terminal.bold("latency that the plan promises").c_str());
    promises(tuned->buckets).print(terminal);
  }
  if (!explanation.notice.empty()) std::printf("%s\n", explanation.notice.c_str());
}

Result<void> explain(const Options& options, const Terminal& terminal) {
  planner::CompileOptions compile;
  ProgressBar progress(terminal);
  compile.progress = [&](std::string_view what, int done, int total) { progress.show(what, done, total); };
  const auto program = TRY(load_program(options.file, compile));
  const Explanation explanation = TRY(explain_steps(program, options));
  progress.clear();
  if (terminal.json) print_json(*program, explanation);
  else if (!terminal.quiet) print_text(*program, explanation, options, terminal);
  return {};
}

}  // namespace

void add_explain(CLI::App& app, const Shared& shared, Action& action) {
  auto* command = app.add_subcommand("explain", "why each step runs the way it does: tactic, time, floor, refusals, passes");
  auto options = std::make_shared<Options>();
  command->add_option("file", options->file, "a .plan or an .onnx")->required();
  command->add_option("--threads", options->threads, "threads of one request")->check(CLI::Range(1, 1024))->capture_default_str();
  command->add_option("--batch", options->batch, "leading extent of every input that leaves it open")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 31));
  command->add_option("--shape", options->shapes, "NAME=1x3x224x224; may be repeated");
  command->add_flag("--refusals", options->refusals, "print why the other tactics were not taken");
  command->callback([=, &shared, &action] { action = [=, &shared] { return explain(*options, shared.terminal()); }; });
}

}  // namespace tercel::cli
