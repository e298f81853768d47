#include <algorithm>
#include <numeric>

#include "cli/commands.h"
#include "cli/counters.h"
#include "cli/floor.h"
#include "cli/latency.h"
#include "cli/load.h"
#include "cli/tensors.h"
#include "platform/clock.h"

namespace tercel::cli {

namespace {

// Inputs rotate over more than this, so that no run finds the last one's input in cache.
constexpr double kRotationBytes = 64e6;
constexpr size_t kInputSetsMax = 4096, kRunsMax = 10'000'000;
constexpr double kTuneSecondsForOnnx = 10;

struct Options {
  std::string file;
  int threads = 0;
  double seconds = 3;
  int64_t batch = 0;
  std::vector<std::string> shapes;
  bool no_take_back = false, lock_memory = false;
};

struct Measured {
  std::vector<double> times_us;
  double open_us = 0, first_run_us = 0;
  double allocations_per_run = 0, page_faults_per_run = 0, chunks_taken_back_per_run = 0;
  int threads = 0;
  std::vector<Shape> input_shapes;
  double flops = 0, io_bytes = 0;
  engine::LatencyReport promise;
  std::string notice;
};

Result<std::vector<std::vector<Tensor>>> rotating_inputs(const plan::Program& program, const std::vector<Shape>& shapes) {
  std::vector<std::vector<Tensor>> sets;
  double bytes = 0;
  for (unsigned seed = 1; sets.empty() || (bytes < kRotationBytes && sets.size() < kInputSetsMax); ++seed) {
    sets.push_back(TRY(random_inputs(program, shapes, seed)));
    for (const Tensor& t : sets.back()) bytes += static_cast<double>(t.bytes());
    if (program.profile.empty()) break;
  }
  return sets;
}

Result<Measured> measure(std::shared_ptr<const plan::Program> program, const Options& options, double open_us) {
  Measured m;
  m.input_shapes = TRY(choose_shapes(*program, options.batch, options.shapes));
  const auto sets = TRY(rotating_inputs(*program, m.input_shapes));
  std::vector<std::vector<engine::InputView>> views;
  for (const auto& set : sets) views.push_back(views_of(set));
  std::vector<engine::OutputView> outputs(program->main().outputs.size());

  const int64_t opening = platform::now_ns();
  engine::SessionOptions session_options;
  session_options.threads = options.threads;
  session_options.take_back = !options.no_take_back;
  session_options.lock_memory = options.lock_memory;
  const auto session = TRY(engine::Session::open(program, session_options));
  const engine::Binding* binding = TRY(session->bind(m.input_shapes));
  int64_t start = platform::now_ns();
  m.open_us = open_us + static_cast<double>(start - opening) / 1e3;
  TRY(session->run(*binding, views[0], {}, outputs));
  m.first_run_us = static_cast<double>(platform::now_ns() - start) / 1e3;

  m.times_us.resize(kRunsMax / 10);  // touched before the clock starts: storing a time must not fault
  for (size_t i = 1; i <= std::min<size_t>(views.size(), 20); ++i)
    TRY(session->run(*binding, views[i % views.size()], {}, outputs));
  const Counters before = read_counters();
  const uint64_t taken_back = session->chunks_taken_back();
  const int64_t deadline = platform::now_ns() + static_cast<int64_t>(options.seconds * 1e9);
  size_t runs = 0;
  for (int64_t now = platform::now_ns(); runs < m.times_us.size() && (runs < 5 || now < deadline); ++runs) {
    const auto result = session->run(*binding, views[runs % views.size()], {}, outputs);
    if (!result.ok()) return result.error();
    const int64_t end = platform::now_ns();
    m.times_us[runs] = static_cast<double>(end - now) / 1e3;
    now = end;
  }
  const Counters after = read_counters();
  m.times_us.resize(runs);
  m.allocations_per_run = static_cast<double>(after.allocations - before.allocations) / static_cast<double>(runs);
  m.page_faults_per_run = static_cast<double>(after.page_faults - before.page_faults) / static_cast<double>(runs);
  m.chunks_taken_back_per_run = static_cast<double>(session->chunks_taken_back() - taken_back) / static_cast<double>(runs);
  m.threads = session->threads();
  m.promise = session->latency(*binding);
  m.notice = session->notice();
  for (const auto& step : session->steps(*binding)) m.flops += step.flops;
  for (const auto& view : views[0]) m.io_bytes += static_cast<double>(view.type.bytes());
  for (const auto& view : outputs) m.io_bytes += static_cast<double>(view.type.bytes());
  return m;
}

void write_promise(JsonWriter& json, const engine::LatencyReport& promise) {
  json.key("promise");
  if (promise.promised_p99_us == 0) {
    json.null();
    return;
  }
  json.begin_object().field("p50_us", promise.promised_p50_us).field("p99_us", promise.promised_p99_us);
  json.field("late_above_us", promise.late_above_us).field("runs", promise.runs).field("late", promise.late);
  json.field("broken", promise.is_broken());
  if (promise.promised_p999_us > 0)
    json.field("p999_us", promise.promised_p999_us)
        .field("p999_late_above_us", promise.p999_late_above_us)
        .field("p999_late", promise.p999_late)
        .field("p999_broken", promise.is_p999_broken());
  else json.key("p999_us").null();
  json.key("causes").begin_object();
  for (size_t i = 0; i < engine::kLateCauses; ++i)
    json.field(engine::late_cause_name(static_cast<engine::LateCause>(i)), promise.causes[i]);
  json.end_object().end_object();
}

void print_json(const Measured& m, const LatencySummary& latency, double floor_us) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("isa", platform::isa_name(platform::host_isa())).field("threads", m.threads);
  json.field("batch", m.input_shapes.empty() || m.input_shapes[0].rank() == 0 ? int64_t{1} : m.input_shapes[0].size(0));
  json.field("runs", latency.runs).key("latency_us");
  write_json(json, latency);
  json.field("per_second", 1e6 / latency.p50).field("open_us", m.open_us).field("first_run_us", m.first_run_us);
  if (counts_allocations()) json.field("allocations_per_run", m.allocations_per_run);
  else json.key("allocations_per_run").null();
  json.field("page_faults_per_run", m.page_faults_per_run)
      .field("chunks_taken_back_per_run", m.chunks_taken_back_per_run)
      .field("floor_us", floor_us)
      .field("floor_ratio", latency.p50 / floor_us);
  write_promise(json, m.promise);
  json.field("flops", m.flops).field("peak_resident_bytes", peak_resident_bytes()).field("notice", m.notice).end_object();
  std::printf("%s\n", out.c_str());
}

// "p99 15.6 us when compiled; kept, 0.12 % of runs later than 24.5 us"
std::string kept_text(const char* percentile, double promised_us, bool is_broken, uint64_t late, uint64_t runs,
                      double late_above_us) {
  return std::string(percentile) + " " + time_text(promised_us) + " when compiled; " + (is_broken ? "broken" : "kept") + ", " +
         fixed(100.0 * static_cast<double>(late) / static_cast<double>(runs), 2) + " % of runs later than " +
         time_text(late_above_us);
}

// ": preempted 3, neighbour 1"
std::string causes_text(const engine::LatencyReport& promise) {
  std::string text;
  for (size_t i = 0; i < engine::kLateCauses; ++i) {
    if (promise.causes[i] == 0) continue;
    text += (text.empty() ? ": " : ", ") + std::string(engine::late_cause_name(static_cast<engine::LateCause>(i))) + " " +
            std::to_string(promise.causes[i]);
  }
  return text;
}

void print_promise(const engine::LatencyReport& p) {
  if (p.runs == 0) return;
  std::printf("the plan's promise      %s%s\n",
              kept_text("p99", p.promised_p99_us, p.is_broken(), p.late, p.runs, p.late_above_us).c_str(),
              causes_text(p).c_str());
  if (p.promised_p999_us == 0) return;
  std::printf("                        %s\n",
              kept_text("p99.9", p.promised_p999_us, p.is_p999_broken(), p.p999_late, p.runs, p.p999_late_above_us).c_str());
}

void print_text(const Measured& m, const LatencySummary& latency, double floor_us, const Terminal& terminal) {
  std::string shapes;
  for (const Shape& shape : m.input_shapes) shapes += (shapes.empty() ? "" : ", ") + to_string(shape);
  std::printf("%s on %s, %d thread%s, input %s\n", terminal.bold("latency").c_str(),
              std::string(platform::isa_name(platform::host_isa())).c_str(), m.threads, m.threads == 1 ? "" : "s",
              shapes.c_str());
  Table table({"min", "p50", "p90", "p99", "p99.9", "max", "runs", "per second"});
  table.add({time_text(latency.min), time_text(latency.p50), time_text(latency.p90), time_text(latency.p99),
             time_text(latency.p999), time_text(latency.max), std::to_string(latency.runs), count_text(1e6 / latency.p50)});
  table.print(terminal);
  std::printf("\n%s\n", histogram(m.times_us).c_str());
  std::printf("floor on this machine   %s (p50 is %.2fx of it)\n", time_text(floor_us).c_str(), latency.p50 / floor_us);
  print_promise(m.promise);
  std::printf("open (map, check, bind) %s, first run %s\n", time_text(m.open_us).c_str(), time_text(m.first_run_us).c_str());
  std::printf("per run                 %s allocations, %s page faults\n",
              counts_allocations() ? fixed(m.allocations_per_run, 3).c_str() : "uncounted",
              fixed(m.page_faults_per_run, 3).c_str());
  if (m.chunks_taken_back_per_run > 0)
    std::printf("                        %s chunks taken back from preempted helper threads\n",
                fixed(m.chunks_taken_back_per_run, 3).c_str());
  if (!m.notice.empty()) std::printf("%s\n", m.notice.c_str());
}

Result<void> bench(const Options& options, const Terminal& terminal) {
  planner::CompileOptions compile;
  compile.tune_budget_seconds = kTuneSecondsForOnnx;
  if (options.threads > 0) compile.threads = {options.threads};
  ProgressBar progress(terminal);
  compile.progress = [&](std::string_view what, int done, int total) { progress.show(what, done, total); };
  const int64_t start = platform::now_ns();
  const auto program = TRY(load_program(options.file, compile));
  const bool mapped = TRY(is_plan(options.file));
  const double open_us = mapped ? static_cast<double>(platform::now_ns() - start) / 1e3 : 0;
  progress.show("running", 0, 0);
  const Measured m = TRY(measure(program, options, open_us));
  progress.clear();
  const LatencySummary latency = summarize(m.times_us);
  const double floor_us = run_floor_us(m.flops, weight_bytes_read(*program), m.io_bytes, host_roofline(), m.threads);
  if (terminal.json) print_json(m, latency, floor_us);
  else if (!terminal.quiet) print_text(m, latency, floor_us, terminal);
  return {};
}

}  // namespace

void add_bench(CLI::App& app, const Shared& shared, Action& action) {
  auto* command = app.add_subcommand("bench", "latency distribution, allocations, and distance to this machine's floor");
  auto options = std::make_shared<Options>();
  command->add_option("file", options->file, "a .plan, or an .onnx that is compiled in memory first")->required();
  command->add_option("--threads", options->threads, "threads of one request (default: what quota and affinity allow)")
      ->check(CLI::Range(0, 1024));
  command->add_option("--seconds", options->seconds, "how long to measure")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();
  command->add_option("--batch", options->batch, "leading extent of every input that leaves it open")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 31));
  command->add_option("--shape", options->shapes, "NAME=1x3x224x224; may be repeated");
  command->add_flag("--no-take-back", options->no_take_back,
                    "wait for preempted helper threads instead of computing what they hold (to compare)");
  command->add_flag("--lock-memory", options->lock_memory,
                    "keep what runs read and write in memory (mlock); needs RLIMIT_MEMLOCK (ulimit -l) to allow it");
  command->callback([=, &shared, &action] { action = [=, &shared] { return bench(*options, shared.terminal()); }; });
}

}  // namespace tercel::cli
