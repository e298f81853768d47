#include "engine/longest_step.h"

#include <algorithm>
#include <vector>

#include "engine/yield_point.h"
#include "platform/clock.h"

namespace tercel::engine {

namespace {

// The distances of one node in a run, in their order. Where a loop has more than this, the rest count as one.
using OfNode = std::vector<int64_t>;
constexpr size_t kDistancesMax = 4096;

void add(OfNode& distances, int64_t ns) {
  if (distances.size() < kDistancesMax) distances.push_back(ns);
  else distances.back() = std::max(distances.back(), ns);
}

// Looks at the clock at every yield point of a run.
class Distances {
 public:
  explicit Distances(const plan::ProgramGraph& graph) : graph_(graph), of_node_(graph.nodes.size() + 1) {}

  void begin() {
    for (OfNode& distances : of_node_) distances.clear();
    within_.clear();
    ended_ = kNone;
    last_ns_ = platform::now_ns();
  }

  // A distance that a step's end lies in is that step's, being its last. Others lie in a step whose name its end will tell.
  void pass() {
    add(ended_ == kNone ? within_ : of_node_[ended_], platform::now_ns() - last_ns_);
    ended_ = kNone;
    last_ns_ = platform::now_ns();
  }

  void end_step(const plan::ProgramNode& node) { leave(static_cast<size_t>(&node - graph_.nodes.data())); }

  // Of each node, and behind them what belongs to none, where a run has no steps.
  std::span<const OfNode> end() {
    pass();
    leave(graph_.nodes.size());
    return of_node_;
  }

 private:
  static constexpr size_t kNone = SIZE_MAX;

  void leave(size_t node) {
    for (const int64_t ns : within_) add(of_node_[node], ns);
    within_.clear();
    ended_ = node;
  }

  const plan::ProgramGraph& graph_;
  std::vector<OfNode> of_node_;
  OfNode within_;  // since a step ended
  int64_t last_ns_ = 0;
  size_t ended_ = kNone;  // since the last yield point
};

// The same distance of all runs.
using OfRuns = std::vector<int64_t>;

void keep(std::vector<std::vector<OfRuns>>& of_nodes, std::span<const OfNode> run) {
  of_nodes.resize(run.size());
  for (size_t node = 0; node < run.size(); ++node) {
    of_nodes[node].resize(std::max(of_nodes[node].size(), run[node].size()));
    for (size_t i = 0; i < run[node].size(); ++i) of_nodes[node][i].push_back(run[node][i]);
  }
}

int64_t median(OfRuns values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

}  // namespace

Result<LongestStep> measure_longest_step(Session& session, const Binding& binding, std::span<const InputView> inputs,
                                         std::span<OutputView> outputs, int runs) {
  if (runs < 1) return invalid("the longest step is measured in at least one run, not in " + std::to_string(runs));
  TRY(session.run(binding, inputs, {}, outputs));
  const plan::ProgramGraph& graph = session.program().main();
  Distances distances(graph);
  YieldPoint point([](void* user) { static_cast<Distances*>(user)->pass(); }, &distances);
  point.ask();
  const RunControl control{.yield = &point, .rest_while_stopped = false};
  const auto end_step = [](void* user, const plan::ProgramNode& node, std::span<const OutputView>, double) {
    static_cast<Distances*>(user)->end_step(node);
  };
  std::vector<std::vector<OfRuns>> of_nodes;
  Result<void> result;
  session.observe(end_step, &distances);
  for (int run = 0; run < runs && result.ok(); ++run) {
    distances.begin();
    result = session.run(binding, inputs, {}, outputs, control);
    keep(of_nodes, distances.end());
  }
  session.observe(nullptr, nullptr);
  TRY(result);
  LongestStep longest;
  for (size_t node = 0; node < of_nodes.size(); ++node)
    for (const OfRuns& distance : of_nodes[node])
      if (const int64_t ns = median(distance); ns > longest.ns)
        longest = {ns, node < graph.nodes.size() ? graph.nodes[node].name : std::string()};
  return longest;
}

}  // namespace tercel::engine
