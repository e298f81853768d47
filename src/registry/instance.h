#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/run_control.h"
#include "registry/ladder.h"
#include "registry/settings.h"
#include "request/infer.h"
#include "request/signature.h"

namespace tercel::registry {

// One copy of a model that computes one request at a time. Any thread, but only one at once; the executor sees to that.
class Instance {
 public:
  virtual ~Instance() = default;

  // Whether a request with these input types would compute at once, with nothing to prepare first.
  virtual bool is_warm(const request::InferRequest& request) const = 0;

  // Makes requests with these input types warm. Slow.
  virtual Result<void> prepare(const request::InferRequest& request) = 0;

  // How long a run of such a request keeps its thread at most before it can be stopped (engine/longest_step.h). Slow.
  virtual Result<int64_t> longest_step_ns(const request::InferRequest& request) = 0;

  // Computes. `request.inputs` were checked against the signature. On success `reply.outputs` holds one view per output of
  // the signature, into `reply.memory`, where `request.outputs` wants it (no data otherwise). Keeps nothing of either.
  virtual Result<void> run(const request::InferRequest& request, request::InferReply& reply,
                           const engine::RunControl& control = {}) = 0;
};

// What batches of so many rows took on so many threads when the version was opened. `longest_ns` is the longest of `runs` runs in
// a row, or the plan's measured p99.9 where that is longer: what was seen, not a proven bound. Reservations count it, with a
// margin, as the worst case. Runs on one thread that the system interrupted in favour of other programs (`preempted` of them)
// count with their CPU time: who else takes the CPU is not the model's, and no reservation holds against it.
struct MeasuredCost {
  uint32_t threads = 1, rows = 1;
  int64_t p50_ns = 0, longest_ns = 0;
  int64_t p99_ns = 0;  // 0: taken for longest_ns
  uint32_t runs = 0, preempted = 0;
};

// Equal copies of a variant that compute with the same number of threads.
struct InstanceGroup {
  uint32_t threads = 1;
  std::vector<std::unique_ptr<Instance>> instances;
};

// One way to compute a model: its own plan, its own accuracy.
struct OpenedVariant {
  std::string name;                   // of a ladder; empty: the version has none
  float accuracy = 1;                 // measured, of its ladder; 1 where nothing was
  std::vector<InstanceGroup> groups;  // threads ascending
  std::vector<MeasuredCost> costs;    // of each group at least one row's; empty when nothing could be measured
  int64_t longest_step_ns = 0;        // a run can give its thread away within it; 0: not known, it runs to its end
  std::optional<AccuracyInterval> interval;
  std::string recipe;
};

// What one row took with the fewest threads; null where nothing could be measured.
inline const MeasuredCost* one_row_of(const OpenedVariant& variant) {
  for (const MeasuredCost& cost : variant.costs)
    if (cost.rows == 1 && cost.threads == variant.groups[0].threads) return &cost;
  return nullptr;
}

// A version of a model, open and warm.
struct OpenedModel {
  request::Signature signature;
  std::string platform;                 // "tercel_plan"
  uint32_t rows_max = 1;                // requests may share a batch of so many rows: their first dimensions add up
  std::vector<OpenedVariant> variants;  // the most accurate first
  std::string notice;                   // what the operator should know ("tuned for avx512, this host has avx2"), or empty
};

// Opens the version in `directory`.
using Opener = std::function<Result<OpenedModel>(const std::string& directory, const ModelSettings& settings)>;

}  // namespace tercel::registry
