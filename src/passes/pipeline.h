#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace tercel::passes {

// A named rewrite of a model: the same function from inputs to outputs up to rounding, with the same input and output
// names, types and order. Returns how many places it changed.
struct Pass {
  std::string_view name;
  std::string_view description;  // one sentence
  Result<int> (*run)(graph::Model& model);
};

// All passes, in the order they run.
std::span<const Pass> all_passes();

struct PassOptions {
  std::vector<std::string> disabled;              // names of passes to leave out
  std::string dump_after;                         // name of the pass after which `dump` is called, also when it is disabled
  std::function<void(const graph::Model&)> dump;  // called at most once
};

struct PassReport {
  std::string_view name;  // of all_passes()
  int changes = 0;
  double ms = 0;
};

struct PipelineReport {
  std::vector<PassReport> passes;  // those that ran, in order
};

// Runs one pass on a model with inferred shapes; verifies and infers again when it changed something. An error names it.
Result<PassReport> run_pass(const Pass& pass, graph::Model& model);

// Verifies the model and infers shapes, runs every pass that is not disabled, and does so again after each that changed
// something. An unknown name in the options is an error that lists the valid ones. After an error the model is in
// an undefined state. Off the request path; one thread.
Result<PipelineReport> run_passes(graph::Model& model, const PassOptions& options);

}  // namespace tercel::passes
