#include <filesystem>
#include <set>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/tensors.h"
#include "platform/clock.h"
#include "tensor/npy.h"

namespace tercel::cli {

namespace {

constexpr int64_t kShownElements = 8;

struct Options {
  std::string file, output_dir, output_npz;
  std::vector<std::string> inputs;
  int threads = 0;
};

struct Answer {
  std::string name, file;
  TensorType type;
  const void* data;
};

// An output's name as a file name: what could leave the folder or confuse a shell becomes '_'.
std::string file_name(const std::string& name) {
  std::string safe;
  for (char c : name) safe += std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' ? c : '_';
  if (safe.empty() || safe[0] == '.') safe = "_" + safe;
  return safe;
}

std::string shown_values(const Answer& answer) {
  std::string text = "[";
  const int64_t count = answer.type.shape.elements();
  for (int64_t i = 0; i < std::min(count, kShownElements); ++i) {
    char number[32];
    std::snprintf(number, sizeof number, "%s%.5g", i ? ", " : "", element_as_double(answer.type.dtype, answer.data, i));
    text += number;
  }
  return text + (count > kShownElements ? ", ...]" : "]");
}

Result<void> write_files(std::vector<Answer>& answers, const Options& options) {
  if (!options.output_dir.empty()) {
    std::error_code error;
    std::filesystem::create_directories(options.output_dir, error);
    if (error) return io_error(options.output_dir + ": cannot make the folder: " + error.message());
    std::set<std::string> taken;
    for (Answer& a : answers) {
      std::string stem = file_name(a.name);
      while (!taken.insert(stem).second) stem += "_";
      a.file = (std::filesystem::path(options.output_dir) / (stem + ".npy")).string();
      TRY(write_npy(a.file, a.type, a.data));
    }
  }
  if (options.output_npz.empty()) return {};
  std::vector<NpzMember> members;
  for (Answer& a : answers) {
    members.push_back({a.name, a.type, a.data});
    if (a.file.empty()) a.file = options.output_npz;
  }
  return write_npz(options.output_npz, members);
}

void print(const std::vector<Answer>& answers, double latency_us, const Terminal& terminal) {
  if (terminal.json) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().key("outputs").begin_array();
    for (const Answer& a : answers) {
      json.begin_object().field("name", a.name).field("dtype", dtype_name(a.type.dtype)).key("shape").begin_array();
      for (int64_t size : a.type.shape.sizes()) json.value(size);
      json.end_array().key("file");
      if (a.file.empty()) json.null();
      else json.value(a.file);
      json.end_object();
    }
    json.end_array().field("latency_us", latency_us).end_object();
    std::printf("%s\n", out.c_str());
    return;
  }
  if (terminal.quiet) return;
  Table table({"output", "type", "shape", "values", "file"});
  for (const Answer& a : answers)
    table.add(
        {a.name, std::string(dtype_name(a.type.dtype)), to_string(a.type.shape), shown_values(a), a.file.empty() ? "-" : a.file});
  table.print(terminal);
  std::printf("latency %s (first run of this shape)\n", time_text(latency_us).c_str());
}

Result<void> run(const Options& options, const Terminal& terminal) {
  planner::CompileOptions compile;
  compile.tune = false;  // one answer is wanted now: tuning would take longer than it saves
  const auto program = TRY(load_program(options.file, compile));
  const auto inputs = TRY(match_inputs(TRY(read_inputs(options.inputs, *program)), *program));
  engine::SessionOptions session_options;
  session_options.threads = options.threads;
  const auto session = TRY(engine::Session::open(program, session_options));
  const engine::Binding* binding = TRY(session->bind(shapes_of(inputs)));
  std::vector<engine::OutputView> outputs(program->main().outputs.size());
  const int64_t start = platform::now_ns();
  TRY(session->run(*binding, views_of(inputs), {}, outputs));
  const double latency_us = static_cast<double>(platform::now_ns() - start) / 1e3;
  std::vector<Answer> answers;
  for (size_t i = 0; i < outputs.size(); ++i)
    answers.push_back({program->main().values[program->main().outputs[i]].name, "", outputs[i].type, outputs[i].data});
  TRY(write_files(answers, options));
  print(answers, latency_us, terminal);
  if (!session->notice().empty() && !terminal.quiet && !terminal.json && TRY(is_plan(options.file)))
    std::fprintf(stderr, "%s\n", session->notice().c_str());
  return {};
}

}  // namespace

void add_run(CLI::App& app, const Shared& shared, Action& action) {
  auto* command = app.add_subcommand("run", "compute the outputs for given inputs");
  auto options = std::make_shared<Options>();
  command->add_option("file", options->file, "a .plan or an .onnx")->required();
  command->add_option("--input", options->inputs, "NAME=FILE.npy, or FILE.npz with an array per input; may be repeated");
  command->add_option("--output-dir", options->output_dir, "write each output to DIR/<output>.npy");
  command->add_option("--output", options->output_npz, "write all outputs to one .npz");
  command->add_option("--threads", options->threads, "threads of one request")->check(CLI::Range(0, 1024));
  command->callback([=, &shared, &action] { action = [=, &shared] { return run(*options, shared.terminal()); }; });
}

}  // namespace tercel::cli
