#include "base/json.h"
#include "cli/commands.h"
#include "cli/floor.h"
#include "cli/load.h"
#include "onnx/unsupported.h"
#include "planner/model_at.h"

namespace tercel::cli {

namespace {

constexpr size_t kRefusalsShown = 40;

struct Options {
  std::string model;
  std::vector<std::string> profiles;
  int threads = 0;
};

struct Inspection {
  onnx::Report report;
  bool has_cost = false;  // false when the model cannot be imported
  planner::ModelCost cost;
  double floor_us = 0;
  int threads = 1;
  std::vector<std::string> shapes;  // that the cost was computed at
};

Result<void> add_cost(const Options& options, Inspection& out) {
  const graph::Model model = TRY(load_model(options.model));
  std::vector<planner::ProfileItem> items;
  for (const std::string& text : options.profiles)
    for (auto& item : TRY(planner::parse_profile(text))) items.push_back(std::move(item));
  const planner::Profile profile = TRY(planner::make_profile(model, items, {}));
  const planner::BucketShapes& shapes = profile.buckets.front();
  for (size_t i = 0; i < shapes.size(); ++i) out.shapes.push_back(profile.inputs[i].name + "=" + to_string(shapes[i]));
  out.cost = planner::cost_of(TRY(planner::model_at(model, shapes)));
  const platform::Roofline roofline = host_roofline();
  out.threads = options.threads > 0 ? options.threads : roofline.threads;
  out.floor_us = run_floor_us(out.cost.flops, static_cast<double>(out.report.weight_bytes),
                              out.cost.input_bytes + out.cost.output_bytes, roofline, out.threads);
  out.has_cost = true;
  return {};
}

bool is_number(const std::string& text) { return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos; }

void write_declared(JsonWriter& json, std::string_view key, const std::vector<onnx::Declared>& values) {
  json.key(key).begin_array();
  for (const auto& v : values) {
    json.begin_object().field("name", v.name).field("dtype", v.dtype).key("shape");
    if (!v.has_shape) json.null();
    else {
      json.begin_array();
      for (const std::string& extent : v.shape) is_number(extent) ? json.raw(extent) : json.value(extent);
      json.end_array();
    }
    json.end_object();
  }
  json.end_array();
}

void print_json(const Inspection& in) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("producer", in.report.producer);
  write_declared(json, "inputs", in.report.inputs);
  write_declared(json, "outputs", in.report.outputs);
  json.key("operators").begin_object();
  for (const auto& [name, count] : in.report.operators) json.field(name, count);
  json.end_object().field("parameters", in.report.parameters).field("weight_bytes", in.report.weight_bytes);
  for (const auto& [key, value] :
       {std::pair{"flops", in.cost.flops}, {"activation_bytes", in.cost.activation_bytes}, {"floor_us", in.floor_us}}) {
    json.key(key);
    if (in.has_cost) json.value(value);
    else json.null();
  }
  json.field("threads", in.threads).field("isa", platform::isa_name(platform::host_isa())).key("unsupported").begin_array();
  for (const auto& u : in.report.unsupported) json.begin_object().field("where", u.where).field("reason", u.reason).end_object();
  json.end_array().end_object();
  std::printf("%s\n", out.c_str());
}

std::string shape_text(const onnx::Declared& v) {
  if (!v.has_shape) return "(any)";
  std::string text;
  for (const std::string& extent : v.shape) text += (text.empty() ? "" : " x ") + extent;
  return text.empty() ? "scalar" : text;
}

void print_text(const Options& options, const Inspection& in, const Terminal& terminal) {
  Table values({"", "name", "type", "shape"});
  for (const auto& v : in.report.inputs) values.add({"input", v.name, v.dtype, shape_text(v)});
  for (const auto& v : in.report.outputs) values.add({"output", v.name, v.dtype, shape_text(v)});
  values.print(terminal);
  std::printf("\n");
  Table operators({"operator", "nodes"});
  for (const auto& [name, count] : in.report.operators) operators.add({name, std::to_string(count)});
  operators.print(terminal);
  std::printf("\nparameters   %s (%s)\n", count_text(static_cast<double>(in.report.parameters)).c_str(),
              bytes_text(static_cast<double>(in.report.weight_bytes)).c_str());
  if (in.has_cost) {
    std::string at;
    for (const std::string& shape : in.shapes) at += (at.empty() ? "" : ", ") + shape;
    std::printf("work         %sFLOP, %s of activations, at %s\n",
                (count_text(in.cost.flops) + (in.cost.flops < 1000 ? " " : "")).c_str(),
                bytes_text(in.cost.activation_bytes).c_str(), at.c_str());
    std::printf("floor        %s on this machine (%s, %d thread%s): nobody can be faster without changing the arithmetic\n",
                terminal.bold(time_text(in.floor_us)).c_str(), std::string(platform::isa_name(platform::host_isa())).c_str(),
                in.threads, in.threads == 1 ? "" : "s");
    std::printf("next         tercel compile %s\n", options.model.c_str());
    return;
  }
  std::printf("\n%s\n",
              terminal.red(std::to_string(in.report.unsupported.size()) + " reasons why this model cannot be compiled:").c_str());
  for (size_t i = 0; i < in.report.unsupported.size() && i < kRefusalsShown; ++i)
    std::printf("  %s: %s\n", in.report.unsupported[i].where.c_str(), in.report.unsupported[i].reason.c_str());
  if (in.report.unsupported.size() > kRefusalsShown)
    std::printf("  ... and %zu more (--json lists all)\n", in.report.unsupported.size() - kRefusalsShown);
}

Result<void> inspect(const Options& options, const Terminal& terminal) {
  Inspection in;
  in.report = TRY(onnx::survey(options.model));
  for (const auto& u : in.report.unsupported)
    if (u.is_damage) return invalid(options.model + ": " + u.where + ": " + u.reason);
  if (in.report.unsupported.empty()) TRY(add_cost(options, in));
  if (terminal.json) print_json(in);
  else if (!terminal.quiet) print_text(options, in, terminal);
  return {};
}

}  // namespace

void add_inspect(CLI::App& app, const Shared& shared, Action& action) {
  auto* command =
      app.add_subcommand("inspect", "what is in a model, what is not supported, and the latency floor on this machine");
  auto options = std::make_shared<Options>();
  command->add_option("model", options->model, "the .onnx file")->required();
  command->add_option("--profile", options->profiles,
                      "shapes to compute the cost at: NAME=1x3x224x224 (default: open extents are 1)");
  command->add_option("--threads", options->threads, "threads that the floor assumes (default: all usable)")
      ->check(CLI::Range(0, 1024));
  command->callback([=, &shared, &action] { action = [=, &shared] { return inspect(*options, shared.terminal()); }; });
}

}  // namespace tercel::cli
