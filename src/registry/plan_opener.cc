#include "registry/plan_opener.h"

#include <algorithm>
#include <limits>

#include "platform/cpus.h"
#include "registry/open_programs.h"
#include "registry/variant_checks.h"
#include "registry/warm_up.h"

namespace tercel::registry {
namespace {

constexpr int64_t kMeasureNs = 1'500'000'000;  // of one variant, when it is opened
constexpr int kMeasuredMax = 3;                // times, of a variant that only its longest run shows as slower

using Program = std::shared_ptr<const plan::Program>;

// One variant on its way to be served.
struct Opening {
  VariantProgram opened;
  OpenedVariant variant = {};
  std::string notice = "";
};

std::vector<int64_t> dims_of(const Shape& shape) {
  std::vector<int64_t> dims;
  for (const Dim extent : shape.dims()) dims.push_back(extent.is_known() ? extent.size() : -1);
  return dims;
}

// With how many threads the groups of a variant compute: as model.toml says, else one, and all where there are more.
std::vector<uint32_t> thread_counts(const ModelSettings& settings, uint32_t compute_threads) {
  if (settings.instances.threads > 0) return {std::min(settings.instances.threads, compute_threads)};
  if (compute_threads == 1) return {1};
  return {1, compute_threads};
}

// Copies of a plan that compute with `threads` threads: as many as may compute at once, and one for what was preempted.
Result<InstanceGroup> open_group(const Program& program, uint32_t threads, const ModelSettings& settings,
                                 const OpenerOptions& options, std::string& notice) {
  const uint32_t at_once = std::max(1u, options.compute_threads / threads);
  const uint32_t usual = threads > 1 && settings.instances.threads == 0 ? 1 : at_once + 1;
  InstanceGroup group{.threads = threads, .instances = {}};
  for (uint32_t i = 0; i < (settings.instances.count > 0 ? settings.instances.count : usual); ++i) {
    auto session =
        TRY(engine::Session::open(program, {.threads = static_cast<int>(threads),
                                            .linger = false,  // who receives and answers wants the cores between requests
                                            .lock_memory = options.lock_memory}));
    if (notice.empty()) notice = session->notice();
    group.instances.push_back(make_instance(std::move(session)));
  }
  return group;
}

// How many rows a batch may have: what model.toml says, else kBatchRowsDefault where rows don't influence each other.
uint32_t rows_max_of(const plan::Program& program, const ModelSettings& settings, Instance& instance, std::string& notice) {
  const int64_t possible = batch_rows_of(program);
  const uint32_t asked = settings.batch_rows_max > 0 ? settings.batch_rows_max : kBatchRowsDefault;
  const auto rows = static_cast<uint32_t>(std::clamp<int64_t>(possible, 1, asked));
  if (rows < 2) {
    if (settings.batch_rows_max > 1 && notice.empty())
      notice = "batching.max has no effect: the first extent of the inputs and outputs is not one symbol that begins at 1";
    return 1;
  }
  const auto independent = rows_are_independent(instance, program);
  if (!independent.ok() || *independent) return rows;
  const bool insists = settings.batch_rows_max > 0;
  notice = "the rows of a batch influence each other: requests " +
           std::string(insists ? "share batches all the same, as batching.max asks"
                               : "do not share batches; batching.max would allow it");
  return insists ? rows : 1;
}

// Its copies, cold. Returns of how many rows its batches may be.
Result<uint32_t> open_instances(Opening& opening, const ModelSettings& settings, const OpenerOptions& options) {
  OpenedVariant& variant = opening.variant;
  const auto& [entry, program] = opening.opened;
  variant.name = entry.name;
  variant.accuracy = entry.accuracy;
  variant.interval = entry.interval;
  variant.recipe = entry.recipe;
  for (const uint32_t threads : thread_counts(settings, options.compute_threads))
    variant.groups.push_back(TRY(open_group(program, threads, settings, options, opening.notice)));
  return rows_max_of(*program, settings, *variant.groups[0].instances[0], opening.notice);
}

Result<void> warm_and_measure(Opening& opening, uint32_t rows_max, const OpenerOptions& options) {
  opening.variant.costs.clear();
  const auto warmed = warm_up(opening.variant, *opening.opened.program, rows_max, kMeasureNs);
  if (warmed.ok()) return {};
  if (options.lock_memory && warmed.error().code() == ErrorCode::kExhausted) return warmed.error();
  if (opening.notice.empty())
    opening.notice = "a run on made-up values failed, the first requests will be slow: " + warmed.error().message();
  return {};
}

// Whether a variant may stand behind `better` in a ladder. One slow run among the measured ones does not decide that.
Result<bool> is_worth_serving(Opening& opening, const OpenedVariant& better, uint32_t rows_max, const OpenerOptions& options) {
  for (int times = 1; !is_faster(opening.variant, better); ++times) {
    const MeasuredCost *cost = one_row_of(opening.variant), *others = one_row_of(better);
    if (times == kMeasuredMax || !cost || !others || cost->p50_ns >= others->p50_ns) return false;
    TRY(warm_and_measure(opening, rows_max, options));
  }
  return true;
}

// Why a variant is left out: that it is not faster, with what was measured.
std::string not_faster(const OpenedVariant& variant, const OpenedVariant& better) {
  const std::string left_out = "left out: it must be faster than '" + better.name + "', which is more accurate, ";
  const MeasuredCost *cost = one_row_of(variant), *others = one_row_of(better);
  if (!cost || !others) return left_out + "and that could not be measured";
  return left_out + "but takes " + std::to_string(cost->longest_ns / 1000) + " us at worst, not less than " +
         std::to_string(others->longest_ns / 1000);
}

// Adds to what the operator should know.
void note(OpenedModel& model, const std::string& name, const std::string& notice) {
  if (notice.empty()) return;
  if (!model.notice.empty()) model.notice += "; ";
  model.notice += name.empty() ? notice : "variant '" + name + "': " + notice;
}

Result<OpenedModel> open_version(const std::string& directory, const ModelSettings& settings, const CompileOnnx& compile,
                                 const OpenerOptions& options) {
  std::vector<Opening> openings;
  for (auto& opened : TRY(open_programs(directory, settings, compile))) openings.push_back({std::move(opened)});
  OpenedModel model;
  model.platform = "tercel_plan";
  model.signature = signature_of(*openings[0].opened.program);
  model.rows_max = std::numeric_limits<uint32_t>::max();
  for (Opening& opening : openings) model.rows_max = std::min(model.rows_max, TRY(open_instances(opening, settings, options)));
  for (Opening& opening : openings) {
    TRY(warm_and_measure(opening, model.rows_max, options));
    const std::string& name = opening.opened.entry.name;
    note(model, name, opening.notice);
    const OpenedVariant* const better = model.variants.empty() ? nullptr : &model.variants.back();
    if (better && !TRY(is_worth_serving(opening, *better, model.rows_max, options)))
      note(model, name, not_faster(opening.variant, *better));
    else model.variants.push_back(std::move(opening.variant));
  }
  return model;
}

}  // namespace

request::Signature signature_of(const plan::Program& program) {
  request::Signature signature;
  for (const auto& range : program.profile) {
    request::TensorSignature tensor{range.name, range.dtype, {}};
    for (size_t axis = 0; axis < range.low.size(); ++axis)
      tensor.dims.push_back(range.low[axis] == range.high[axis] ? range.low[axis] : -1);
    signature.inputs.push_back(std::move(tensor));
  }
  for (const auto id : program.main().outputs) {
    const auto& value = program.main().values[id];
    signature.outputs.push_back({value.name, value.type.dtype, dims_of(value.type.shape)});
  }
  return signature;
}

Opener plan_opener(CompileOnnx compile, const OpenerOptions& options) {
  OpenerOptions settled = options;
  if (settled.compute_threads == 0) settled.compute_threads = static_cast<uint32_t>(platform::usable_cpus());
  return [compile = std::move(compile), options = settled](const std::string& directory, const ModelSettings& settings) {
    return open_version(directory, settings, compile, options);
  };
}

}  // namespace tercel::registry
