#include "engine/longest_step.h"

#include <algorithm>
#include <vector>

#include "engine/yield_point.h"
#include "platform/clock.h"

namespace tercel::engine {

namespace {

// Looks at the clock at every yield point of a run, and finds out whose distance is the longest.
class Distances {
 public:
  void begin() {
    longest_ns_ = within_ns_ = 0;
    longest_ = ended_ = nullptr;
    last_ns_ = platform::now_ns();
  }

  // A distance that a step's end lies in is that step's, being its last. Others lie in a step that will end, whose name its end
  // tells.
  void pass() {
    const int64_t distance = platform::now_ns() - last_ns_;
    if (ended_) count(distance, ended_);
    else within_ns_ = std::max(within_ns_, distance);
    ended_ = nullptr;
    last_ns_ = platform::now_ns();
  }

  void end_step(const plan::ProgramNode& node) {
    count(within_ns_, &node);
    within_ns_ = 0;
    ended_ = &node;
  }

  LongestStep end() {
    pass();
    count(within_ns_, nullptr);
    return {longest_ns_, longest_ ? longest_->name : std::string()};
  }

 private:
  void count(int64_t distance, const plan::ProgramNode* node) {
    if (distance <= longest_ns_) return;
    longest_ns_ = distance;
    longest_ = node;
  }

  int64_t last_ns_ = 0;
  int64_t longest_ns_ = 0;
  const plan::ProgramNode* longest_ = nullptr;
  int64_t within_ns_ = 0;                     // the longest since a step ended
  const plan::ProgramNode* ended_ = nullptr;  // since the last yield point
};

}  // namespace

Result<LongestStep> measure_longest_step(Session& session, const Binding& binding, std::span<const InputView> inputs,
                                         std::span<OutputView> outputs, int runs) {
  if (runs < 1) return invalid("the longest step is measured in at least one run, not in " + std::to_string(runs));
  TRY(session.run(binding, inputs, {}, outputs));
  Distances distances;
  YieldPoint point([](void* user) { static_cast<Distances*>(user)->pass(); }, &distances);
  point.ask();
  const RunControl control{.yield = &point, .rest_while_stopped = false};
  const auto end_step = [](void* user, const plan::ProgramNode& node, std::span<const OutputView>, double) {
    static_cast<Distances*>(user)->end_step(node);
  };
  session.observe(end_step, &distances);
  std::vector<LongestStep> longest;
  Result<void> result;
  for (int run = 0; run < runs && result.ok(); ++run) {
    distances.begin();
    result = session.run(binding, inputs, {}, outputs, control);
    longest.push_back(distances.end());
  }
  session.observe(nullptr, nullptr);
  TRY(result);
  const auto median = longest.begin() + static_cast<std::ptrdiff_t>(longest.size() / 2);
  std::nth_element(longest.begin(), median, longest.end(),
                   [](const LongestStep& a, const LongestStep& b) { return a.ns < b.ns; });
  return std::move(*median);
}

}  // namespace tercel::engine
