#pragma once

#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "kernels/kernel.h"
#include "plan/program.h"

namespace tercel::planner {

// What was decided for one step.
struct TacticChoice {
  const kernels::KernelRow* row = nullptr;                   // null: no row accepts
  double step_us = -1;                                       // measured; < 0 when nothing was timed
  std::vector<std::pair<std::string, std::string>> refused;  // tactic, sentence
};

struct TacticOptions {
  platform::Isa isa;
  double budget_seconds = 20;  // of timing; when it is spent, the first accepting row is taken
};

// Chooses the tactic of each step: times the rows that accept on this machine, on rotating inputs, keeps the fastest whose
// outputs agree with the reference row. Equal steps (operator, attributes, types) are timed once.
class TacticChooser {
 public:
  explicit TacticChooser(const TacticOptions& options) : options_(options) {}

  // `model` has static shapes (infer_shapes ran with the bucket's input shapes). A node with an unknown extent gets no row.
  Result<TacticChoice> choose(const graph::Graph& graph, const graph::Node& node);
  double seconds_spent() const { return seconds_spent_; }

 private:
  Result<TacticChoice> time_candidates(const graph::Graph& graph, const graph::Node& node);

  TacticOptions options_;
  double seconds_spent_ = 0;
  std::map<std::string, TacticChoice> by_signature_;
};

// Largest difference of two float tensors relative to the reference's largest magnitude; other types count differing
// elements as 1. NaNs must stand at the same places.
double relative_difference(const Tensor& candidate, const Tensor& reference);

}  // namespace tercel::planner
