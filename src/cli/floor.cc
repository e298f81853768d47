#include "cli/floor.h"

#include <cstdlib>
#include <set>

#include "platform/cpus.h"

namespace tercel::cli {

namespace {

std::string cache_file() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && *cache) return std::string(cache) + "/tercel/roofline";
  if (const char* home = std::getenv("HOME"); home && *home) return std::string(home) + "/.cache/tercel/roofline";
  return "/tmp/tercel-roofline";
}

}  // namespace

platform::Roofline host_roofline() { return platform::cached_roofline(cache_file(), platform::usable_cpus()); }

double step_floor_us(const engine::Session::StepInfo& step, const platform::Roofline& roofline, double working_set, int threads) {
  return roofline.floor_seconds(step.flops, step.bytes, working_set, threads) * 1e6;
}

double run_floor_us(double flops, double weight_bytes, double io_bytes, const platform::Roofline& roofline, int threads) {
  return roofline.floor_seconds(flops, weight_bytes + io_bytes, weight_bytes + io_bytes, threads) * 1e6;
}

double weight_bytes_read(const plan::Program& program) {
  const plan::ProgramGraph& main = program.main();
  std::set<plan::ValueId> constants;
  for (const plan::ProgramNode& node : main.nodes) {
    const bool looks_up = node.op->name == "Gather" || node.op->name == "GatherND";
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (node.inputs[i] != plan::kNoValue && main.values[node.inputs[i]].is_constant && !(looks_up && i == 0))
        constants.insert(node.inputs[i]);
  }
  double bytes = 0;
  for (plan::ValueId id : constants) bytes += static_cast<double>(main.values[id].constant.bytes());
  return bytes;
}

}  // namespace tercel::cli
