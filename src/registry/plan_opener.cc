#include "registry/plan_opener.h"

#include <algorithm>
#include <filesystem>

#include "plan/plan.h"
#include "platform/cpus.h"
#include "registry/warm_up.h"

namespace tercel::registry {
namespace {

constexpr int64_t kMeasureNs = 1'500'000'000;  // of one variant, when it is opened

using Program = std::shared_ptr<const plan::Program>;

Result<Program> open_program(const std::string& directory, const ModelSettings& settings, const CompileOnnx& compile) {
  const std::string plan_path = directory + "/model.plan", onnx_path = directory + "/model.onnx";
  std::error_code failure;
  if (std::filesystem::exists(plan_path, failure)) return plan::open(plan_path);
  if (!std::filesystem::exists(onnx_path, failure)) return not_found(directory + " holds neither model.plan nor model.onnx");
  if (!compile) {
    return unsupported(onnx_path +
                       " is not compiled, and this server runs plans only: make a model.plan with 'tercel compile', or "
                       "use 'tercel serve'");
  }
  return compile(onnx_path, settings.profile);
}

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

Result<OpenedVariant> open_variant(const Program& program, const ModelSettings& settings, const OpenerOptions& options,
                                   OpenedModel& model) {
  OpenedVariant variant;
  for (const uint32_t threads : thread_counts(settings, options.compute_threads))
    variant.groups.push_back(TRY(open_group(program, threads, settings, options, model.notice)));
  const uint32_t rows = rows_max_of(*program, settings, *variant.groups[0].instances[0], model.notice);
  model.rows_max = model.variants.empty() ? rows : std::min(rows, model.rows_max);
  const auto warmed = warm_up(variant, *program, model.rows_max, kMeasureNs);
  if (warmed.ok()) return variant;
  if (options.lock_memory && warmed.error().code() == ErrorCode::kExhausted) return warmed.error();
  if (model.notice.empty())
    model.notice = "a run on made-up values failed, the first requests will be slow: " + warmed.error().message();
  return variant;
}

Result<OpenedModel> open_version(const std::string& directory, const ModelSettings& settings, const CompileOnnx& compile,
                                 const OpenerOptions& options) {
  const Program program = TRY(open_program(directory, settings, compile));
  OpenedModel model;
  model.platform = "tercel_plan";
  model.signature = signature_of(*program);
  model.variants.push_back(TRY(open_variant(program, settings, options, model)));
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
