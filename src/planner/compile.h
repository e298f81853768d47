#pragma once

#include <functional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "passes/pipeline.h"
#include "planner/profile.h"

namespace tercel::planner {

// Called on the compiling thread: what is being done, and how far it is (total 0: unknown).
using Progress = std::function<void(std::string_view what, int done, int total)>;

struct CompileOptions {
  std::vector<ProfileItem> profile;
  std::vector<std::vector<ProfileItem>> buckets;  // given bucket points; empty: chosen
  passes::PassOptions passes;
  bool tune = true;  // false: first accepting rows, nothing timed, no tuned section
  double tune_budget_seconds = 30;
  std::vector<int> threads;  // thread counts whose latency is measured; empty: 1 and all usable
  platform::Isa isa = platform::host_isa();
  std::string model_digest;  // digest_of() the model file
  Progress progress;
};

// A program whose packed weights lie in memory that it owns.
struct Compiled {
  plan::Program program;
  std::vector<Tensor> packed;  // owns what program.tuned[].packed views
  double tune_seconds = 0;
  std::string notice;  // what could not be measured and why, as a sentence; "" when there is nothing to say
};

// The whole compile half: passes, lowering, tactics per bucket, packed weights, measured latency. Takes the model over.
Result<Compiled> compile(graph::Model model, const CompileOptions& options);

}  // namespace tercel::planner
